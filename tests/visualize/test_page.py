"""What chapters share: numbers into the text, tables, results, and words that follow from numbers."""

import ast
import json

import pytest
from scipy import stats

from cnncourse import files
from cnncourse.experiments.statistics import paired, spread
from cnncourse.visualize import page


def difference(*values: float) -> dict:
    """The summary of differences paired by seed, as experiments make it."""
    rows = [
        {"seed": seed, "kind": kind, "x": value * (kind == "a")}
        for seed, value in enumerate(values)
        for kind in "ab"
    ]
    return paired(rows, "kind", "x", "a", "b")


def test_what_is_said_is_there_under_its_name(monkeypatch):
    import myst_nb

    glued = {}
    monkeypatch.setattr(myst_nb, "glue", lambda name, value, display: glued.update({name: (value, display)}))
    page.say(seeds=3, best="k-NN")
    assert glued == {"seeds": (3, False), "best": ("k-NN", False)}


def test_a_result_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = files.root() / "book" / "results" / "relu.json"
    assert page.result("relu") == json.loads(file.read_text())


def test_a_result_that_was_never_measured_is_an_error_that_names_the_file():
    with pytest.raises(FileNotFoundError, match=r"book.results.no_such\.json"):
        page.result("no_such")


def test_a_table_s_words_stand_on_the_left_and_its_numbers_on_the_right():
    assert page.table(["", "n"], [["a", 1], ["b", "2,000"]]).data.splitlines() == [
        "|  | n |",
        "| --- | ---: |",
        "| a | 1 |",
        "| b | 2,000 |",
    ]
    assert page.table(["a", "b", "c"], [], words=2).data.splitlines()[1] == "| --- | --- | ---: |"
    assert page.table(["a", "b"], [], words=0).data.splitlines()[1] == "| ---: | ---: |"


@pytest.mark.parametrize("row", [["a"], ["a", 1, 2]])
def test_a_row_that_does_not_fit_its_header_is_refused(row):
    with pytest.raises(ValueError, match=f"a row of {len(row)} cells under a header of 2"):
        page.table(["", "n"], [row])


def doubled(x):
    """Twice x.

    Told at length.
    """
    return 2 * x  # a comment


class Empty:
    """Nothing but words."""


def test_a_source_is_shown_without_its_docstrings():
    assert page.without_docstrings(doubled).data == "def doubled(x):\n    return 2 * x"
    assert page.without_docstrings(Empty).data == "class Empty:\n    pass"
    shown = page.without_docstrings(page.table).data
    assert ast.get_docstring(ast.parse(shown).body[0]) is None and "raise ValueError" in shown


def test_a_spread_is_its_mean_and_deviation_with_a_true_minus():
    assert page.plus_minus(spread([1.0, 2.0, 3.0])) == "2.0 ± 1.0"
    assert page.plus_minus(spread([-1.0, -2.0]), 2) == "−1.50 ± 0.71"
    assert page.plus_minus(spread([1.0]), 0) == "1 ± 0"


def test_a_sign_is_shown_where_it_is_asked_for():
    assert page.plus_minus(spread([1.0]), sign=True) == "+1.0 ± 0.0"
    assert page.plus_minus(spread([-1.0]), sign=True) == "−1.0 ± 0.0"


def test_a_verdict_says_how_large_how_sure_and_in_how_many_pairs():
    assert page.verdict(difference(1, 2, 3)) == "+2.0 ± 1.0 points, above zero in 3 of 3"
    assert page.verdict(difference(-3, 1, -4)) == "−2.0 ± 2.6 points, above zero in 1 of 3"
    assert page.verdict(difference(0, 0)) == "0.0 ± 0.0 points, above zero in 0 of 2"
    assert page.verdict(difference(1, 1), "seconds") == "+1.0 ± 0.0 seconds, above zero in 2 of 2"


def test_only_a_difference_of_one_sign_in_all_seeds_holds():
    assert page.holds(difference(1, 0.1, 2)) == "every seed agrees"
    assert page.holds(difference(-1, -0.1, -2)) == "in no seed does it help"
    assert page.holds(difference(9, 9, -0.1)) == "the seeds disagree: no difference beyond chance"


@pytest.mark.parametrize(
    "values", [(1, 2, 3), (1, 1.1, 0.9, 1.2), (-1, -1.3, -1.1), (0.1, -0.1, 0.2), (5, -1, 4)]
)
def test_what_stands_out_is_what_a_t_test_finds_at_five_per_cent(values):
    assert page.stands_out(difference(*values)) == (stats.ttest_1samp(values, 0).pvalue < 0.05)


def test_of_equal_seeds_any_difference_stands_out_and_none_does_not():
    assert page.stands_out(difference(1, 1, 1)) and not page.stands_out(difference(0, 0, 0))


def test_what_was_measured_once_never_stands_out():
    assert not page.stands_out(difference(100))
