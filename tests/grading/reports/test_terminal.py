"""The instructor's commands, as they look in a terminal."""

import io
from dataclasses import replace
from fractions import Fraction

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cnncourse.cli import app
from cnncourse.grading.reports.result import Result
from cnncourse.grading.reports.terminal import grades_table, samples_tables
from cnncourse.grading.run import Grader
from cnncourse.grading.selftest import Sample
from cnncourse.grading.verdict import Verdict

NAMES = ("as_rows", "l1_distances", "l2_distances", "nearest", "vote", "NearestNeighbor", "cross_validate_k")
TESTS = """
@exercise("double", points=2)
class TestDouble:
    def test_example(self, submission):
        "Twice 4 is 8."
        assert_equal(submission.call("double", 4, returns=number()), 8)
"""


def shown(renderable, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def results() -> list[Result]:
    verdicts = tuple(Verdict(name, "t", "s", Fraction(20, 7), passed=True) for name in NAMES)
    return [
        Result("a_rather_long_name_of_a_file.ipynb", "Ada King, Countess of Lovelace", "01", verdicts),
        Result("[red]x[/red].ipynb", "[bold]b", error="[link=http://x]it is no JSON[/link]"),
    ]


def test_eighty_columns_are_enough_and_the_exercises_are_explained():
    text = shown(grades_table(results(), ["yes", ""], 80), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "1 as_rows (2.86)" in text
    assert "20 of 20" in text


def test_files_of_several_labs_get_a_table_for_each():
    first, failed = results()
    second = replace(
        first, file="b.ipynb", lab="02", verdicts=tuple(replace(v, exercise="f") for v in first.verdicts)
    )
    text = shown(grades_table([first, failed, second], ["yes", "", "yes"], 80), 80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("20 of 20") == 2
    lines = [line.strip() for line in text.splitlines()]
    assert [line for line in lines if line in ("01", "02", "not graded")] == ["01", "02", "not graded"]
    assert "1 as_rows (2.86)" in text and "8 " not in text  # the numbers of exercises begin anew
    assert text.count("[red]x[/red].ipynb") == 2  # in its table, and with its reason


def test_a_wide_terminal_shows_the_names_of_the_exercises():
    header = shown(grades_table(results(), ["yes", ""], 200), 200).splitlines()[0]
    assert header.split()[:4] == ["file", "who", "as_rows", "l1_distances"]


def test_a_file_that_was_not_graded_has_no_mark_but_a_reason():
    text = shown(grades_table(results(), ["yes", ""], 120), 120)
    row = next(line for line in text.splitlines() if "[red]x[/red].ipynb" in line)
    assert row.split() == ["[red]x[/red].ipynb", "[bold]b", "–"]
    assert "[red]x[/red].ipynb: not graded: [link=http://x]it is no JSON[/link]" in text


def test_which_of_two_files_counts_is_said():
    text = shown(grades_table(results(), ["no, b.ipynb counts", ""], 80), 80)
    assert "a_rather_long_name_of_a_file.ipynb: b.ipynb counts" in text


def test_the_tables_of_the_selftest_mark_what_is_wrong(tmp_path):
    verdicts = (Verdict("f", "test_a", "", Fraction(1), passed=True),)
    good = Sample("f", tmp_path / "f__a_loop.py", True, "", "", verdicts)
    bad = Sample("f", tmp_path / "f__typo.py", False, "Off by one.", "test_a", verdicts)
    right, wrong = (shown(table, 90).splitlines() for table in samples_tables([good, bad]))
    assert right[-1].split() == ["✓", "f", "a", "loop", "1", "of", "1"]
    assert wrong[-1].split() == ["✗", "f", "Off", "by", "one.", "test_a", "passes", "every", "test"]


@pytest.fixture
def folder(in_process, tmp_path):
    in_process(TESTS)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "07_ada.py").write_text("def double(x): return 0\n")
    return tmp_path


def run(folder, *options):
    return CliRunner().invoke(app, ["grade", str(folder / "in"), "--out", str(folder / "out"), *options])


def test_bad_marks_are_no_failure_of_the_command(folder):
    done = run(folder)
    assert done.exit_code == 0, done.output
    assert "0 of 2" in done.output
    assert (folder / "out" / "07_ada" / "report.html").exists()


def test_a_failure_of_the_grader_is_one(folder, monkeypatch):
    monkeypatch.setattr(Grader, "_run", lambda *_: 1 / 0)
    done = run(folder)
    assert done.exit_code == 1
    assert "not graded: the grader failed with ZeroDivisionError" in " ".join(done.output.split())


@pytest.mark.parametrize("options", [("--lab", "99"), ("no_such_file.ipynb",)])
def test_a_wrong_command_line_is_refused(folder, options):
    assert run(folder, *options).exit_code == 2
