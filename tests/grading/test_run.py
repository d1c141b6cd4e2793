"""Grading files: which lab, whose, which counts, and what becomes of a file that cannot be graded."""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from cnncourse.grading.lab import read_lab
from cnncourse.grading.reports.report import gradescope, html, junit
from cnncourse.grading.reports.result import Result
from cnncourse.grading.run import Grader, Options, grade, submissions_in, which_count
from cnncourse.grading.seam import Died

TESTS = """
@exercise("double", points=2)
class TestDouble:
    def test_example(self, submission):
        "Twice 4 is 8."
        assert_equal(submission.call("double", 4, returns=number()), 8)
    @given(st.integers())
    def test_any(self, submission, x):
        "Twice any number."
        assert_equal(submission.call("double", x, returns=number()), 2 * x)
@exercise("half", points=1)
class TestHalf:
    def test_half(self, submission):
        "Half of 4 is 2."
        assert_equal(submission.call("half", 4, returns=number()), 2)
"""
RIGHT = "def double(x): return 2 * x\ndef half(x): return x / 2\n"


def notebook(path: Path, *cells: str, **course) -> Path:
    code = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    content = {"cells": code, "metadata": {"cnncourse": course}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def graded(in_process, tmp_path):
    """Grades one notebook with the small tests: ``graded(cells..., name=..., **metadata)``."""
    in_process(TESTS)

    def run(*cells, name="ada.ipynb", **course):
        course = {"lab": "07_small"} | course
        return grade([notebook(tmp_path / name, *cells, **course)])[0]

    return run


def test_points_are_exact(graded):
    result = graded(RIGHT.replace("2 * x", "abs(2 * x)"))
    assert (result.points, result.full) == (Fraction(2), Fraction(3))
    assert {e.name: e.points for e in result.exercises} == {"double": Fraction(1), "half": Fraction(1)}


def test_the_same_file_gives_the_same_reports_to_the_byte(graded):
    source = RIGHT.replace("2 * x", "abs(2 * x)") + "def broken(:\n"
    first, again = graded(source), graded(source)
    for write in (html, gradescope, junit):
        assert write(first) == write(again)


def test_a_broken_cell_costs_nothing_elsewhere_and_is_named(graded):
    result = graded("import nothing_like_it", RIGHT, "x = (\n", "def half(x): return 2\nx = len('abc')")
    assert result.points == 3
    assert [(p.kind, p.cell) for p in result.problems] == [("import", 1), ("syntax", 3)]
    assert dict(result.skipped)["x"].startswith("cell 4, line 2 ")


def test_a_missing_function_costs_its_own_points_and_the_nearest_name_is_suggested(graded):
    result = graded(RIGHT.replace("def double", "def Double_"))
    assert {e.name: e.points for e in result.exercises} == {"double": 0, "half": 1}
    verdict = result.verdicts[0]
    assert verdict.message == "`double` is not defined"
    assert "did you mean `Double_`?" in verdict.place


@pytest.mark.parametrize(
    ("name", "course", "lab"),
    [
        ("anything.ipynb", {"lab": "07_small"}, "07_small"),
        ("07_ada.ipynb", {"lab": ""}, "07_small"),
        ("07_ada.ipynb", {"lab": ["hostile"]}, "07_small"),
        ("08_ada.ipynb", {"lab": "no_such"}, ""),
        ("ada.ipynb", {"lab": ""}, ""),
    ],
)
def test_the_lab_comes_from_the_metadata_or_from_the_files_number(graded, name, course, lab):
    result = graded(RIGHT, name=name, **course)
    assert result.lab == lab
    assert ("It does not say which lab it is" in result.error) == (not lab)
    assert not result.grader_failed


def test_the_instructor_may_say_the_lab(in_process, tmp_path):
    in_process(TESTS)
    path = notebook(tmp_path / "x.ipynb", RIGHT)
    assert grade([path], Options(lab="07_small"))[0].points == 3
    with pytest.raises(ValueError, match="There is no lab 'other'; there are 07_small"):
        grade([path], Options(lab="other"))


@pytest.mark.parametrize(
    ("name", "student", "who"),
    [
        ("x.ipynb", "Ada Lovelace", "Ada Lovelace"),
        ("x.ipynb", "A\x1b[31m\u202eb", "A[31mb"),
        ("ada.ipynb", "", "ada"),
        ("07_small_ada.ipynb", "", "ada"),
        ("ada_07_small.ipynb", "", "ada"),
        ("07-ada.ipynb", "", "ada"),
        ("07_small.ipynb", "", "handed_in"),
    ],
)
def test_who_it_is_comes_from_the_metadata_the_files_name_or_its_folder(
    in_process, tmp_path, name, student, who
):
    in_process(TESTS)
    folder = tmp_path / "handed_in"
    folder.mkdir()
    path = notebook(folder / name, RIGHT, lab="07_small", student=student)
    assert grade([path])[0].who == who


def test_of_two_files_of_one_person_the_better_counts_and_the_first_of_equals(graded):
    results = [
        graded("", name="a.ipynb", student="Ada"),
        graded(RIGHT, name="b.ipynb", student="ada "),
        graded(RIGHT, name="c.ipynb", student="Ada"),
        graded("", name="d.ipynb", student="Bob"),
        Result("e.ipynb", "Ada", error="it is not a notebook"),
    ]
    assert which_count(results) == ["no, b.ipynb counts", "yes", "no, b.ipynb counts", "yes", ""]


def test_what_is_no_notebook_has_no_mark_and_is_not_the_graders_fault(in_process, tmp_path):
    in_process(TESTS)
    (tmp_path / "07_a.ipynb").write_text("{")
    (tmp_path / "07_b.ipynb").write_bytes(b"\xff\xfe\x00")
    good = notebook(tmp_path / "07_c.ipynb", RIGHT)
    results = grade([tmp_path / "07_a.ipynb", tmp_path / "07_b.ipynb", good])
    assert [bool(r.error) for r in results] == [True, True, False]
    assert not any(r.grader_failed for r in results)
    assert results[2].points == 3


def test_a_crash_of_the_grader_is_an_error_row_not_a_zero_and_the_rest_go_on(
    in_process, tmp_path, monkeypatch
):
    in_process(TESTS)
    run = Grader._run

    def crash(self, lab, cells, empty):
        if empty.who == "a":
            raise RuntimeError("a bug of ours")
        return run(self, lab, cells, empty)

    monkeypatch.setattr(Grader, "_run", crash)
    paths = [notebook(tmp_path / f"07_{who}.ipynb", RIGHT) for who in "ab"]
    broken, fine = grade(paths)
    assert broken.grader_failed
    assert broken.error == "the grader failed with RuntimeError: a bug of ours"
    assert broken.verdicts == ()
    assert fine.points == 3


def test_a_submission_that_dies_while_it_is_loaded_fails_every_test_with_the_reason(
    in_process, tmp_path, monkeypatch
):
    in_process(TESTS)

    def dies(self):
        raise Died("it crashed (segmentation fault)")

    monkeypatch.setattr(
        "cnncourse.grading.run.Template.start", lambda self, *_: type("B", (), {"problems": dies})()
    )
    result = grade([notebook(tmp_path / "07_a.ipynb", RIGHT)])[0]
    assert (result.points, result.full, result.grader_failed) == (0, 3, False)
    assert result.problems[0].message == "This file could not be loaded: it crashed (segmentation fault)"
    assert all("segmentation fault" in v.message for v in result.verdicts)


def test_folders_stand_for_the_submissions_in_them(tmp_path):
    for name in ("b.ipynb", "a.py", "notes.txt", ".ipynb_checkpoints/b.ipynb", "sub/c.ipynb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = submissions_in([tmp_path, tmp_path / "notes.txt"])
    assert [p.name for p in found] == ["a.py", "b.ipynb", "c.ipynb", "notes.txt"]


class Killer(type(Path())):
    """A path that ends the process that receives it: stands for a crash of a grader."""

    def __reduce__(self):
        return os._exit, (3,)


def test_several_graders_find_what_one_finds_and_one_that_dies_costs_its_file_alone(tmp_path):
    source = "def as_rows(images):\n    return images.reshape(len(images), -1)\n"
    paths = [tmp_path / f"01_{who}.py" for who in "ab"]
    for path in paths:
        path.write_text(source + f"# {path.name}")
    alone = grade(paths)
    together = grade([paths[0], Killer(tmp_path / "killer.py"), *paths[1:]], jobs=2)
    lost = together.pop(1)
    assert (lost.grader_failed, lost.file) == (True, "killer.py")
    assert lost.error == "the grader's process ended with 3 while it graded this file"
    assert [html(r) for r in together] == [html(r) for r in alone]
    assert [gradescope(r) for r in together] == [gradescope(r) for r in alone]
    assert all(0 < r.points < r.full for r in alone)


def test_files_are_graded_lab_by_lab_each_with_one_template_and_reported_in_their_own_order(
    monkeypatch, tmp_path
):
    told = []

    class Recorded:
        in_force = {"isolation": "none"}  # noqa: RUF012

        def __init__(self, *answers, **options):
            self.answers = answers

        def __enter__(self):
            told.append(("open", self.answers))
            return self

        def close(self):
            told.append(("close", self.answers))

    labs = {}
    for name in ("07_a", "08_b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lab.py").write_text(f'SOURCE = "{name}"\nWITHHELD = "twin"\nEXERCISES = {{}}\n')
        labs[name] = read_lab(tmp_path / name)
    monkeypatch.setattr("cnncourse.grading.run.find_labs", lambda: labs)
    monkeypatch.setattr("cnncourse.grading.run.Template", Recorded)
    monkeypatch.setattr(
        "cnncourse.grading.run.run_tests", lambda lab, plugin: told.append(("run", lab.name)) or []
    )
    paths = [tmp_path / f"{name}.py" for name in ("08_x", "07_x", "nothing", "08_y", "07_y")]
    for path in paths:
        path.write_text("x = 1\n")
    results = grade(paths)
    assert [result.file for result in results] == [path.name for path in paths]
    assert told == [
        ("open", ("07_a", "twin")), ("run", "07_a"), ("run", "07_a"), ("close", ("07_a", "twin")),
        ("open", ("08_b", "twin")), ("run", "08_b"), ("run", "08_b"), ("close", ("08_b", "twin")),
    ]  # fmt: skip
