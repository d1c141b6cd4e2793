"""The grader graded: what counts as a test that no longer judges as it should."""

from fractions import Fraction
from pathlib import Path

import pytest

from cnncourse.grading.lab import find_labs, labs_folder
from cnncourse.grading.run import Options
from cnncourse.grading.selftest import Sample, labs, samples
from cnncourse.grading.verdict import Verdict


def sample(right: bool, *failed: str, fails: str = "test_a") -> Sample:
    verdicts = tuple(
        Verdict("f", name, "", Fraction(1), name not in failed) for name in ("test_a", "test_b[1]")
    )
    return Sample("f", Path("f__x.py"), right, "A mistake.", fails, verdicts)


def test_a_right_sample_must_fail_nothing():
    assert sample(True).problem == ""
    assert sample(True, "test_a").problem == "a right answer fails test_a"


def test_a_wrong_sample_must_fail_the_test_that_names_it():
    assert sample(False, "test_a").problem == ""
    assert sample(False, "test_b[1]", fails="test_b").problem == ""
    assert sample(False).problem == "passes every test"
    assert sample(False, "test_b[1]").problem == "does not fail test_a"
    assert sample(False, "test_a", fails="").problem == "does not fail (no FAILS in the file)"


def test_a_sample_of_no_exercise_is_a_problem():
    assert Sample("g", Path("g__x.py"), True, "", "", ()).problem == "there is no exercise g"


def test_an_unknown_lab_is_refused():
    with pytest.raises(ValueError, match="There is no lab 'x'"):
        labs("x")


# One lab here: `make selftest` goes through all of them.
@pytest.mark.parametrize("lab", list(find_labs().values())[:1], ids=lambda lab: lab.name)
def test_every_known_submission_is_judged_as_it_should_be(lab):
    found = list(samples(lab, Options()))
    assert [f"{s.path.name}: {s.problem}" for s in found if s.problem] == []


@pytest.mark.parametrize("lab", find_labs().values(), ids=lambda lab: lab.name)
@pytest.mark.parametrize(("kind", "least"), [("right", 3), ("wrong", 6)])
def test_every_exercise_has_enough_samples(lab, kind, least):
    folder = labs_folder().parent / "submissions" / lab.name / kind
    counts = {name: len(list(folder.glob(f"{name}__*.py"))) for name in lab.exercises}
    assert {name: count for name, count in counts.items() if count < least} == {}
