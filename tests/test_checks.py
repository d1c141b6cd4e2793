"""What checks of arguments let through, and what they say of the rest."""

import pytest

from cnncourse.checks import one_of


def test_a_choice_passes():
    for value in ("paper", "torchvision"):
        one_of("variant", value, ("paper", "torchvision"))
    one_of("variant", "paper", {"paper": 1})


@pytest.mark.parametrize("value", ["papper", "Paper", "", None, 1, ["paper"]])
def test_anything_else_is_refused_with_the_name_the_value_and_what_there_is(value):
    with pytest.raises(ValueError) as error:
        one_of("variant", value, iter(["paper", "torchvision"]))
    assert str(error.value) == f"variant must be one of 'paper', 'torchvision', not {value!r}"
