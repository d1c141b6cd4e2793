"""Finding the labs, and that their folders, tests and notebooks say the same."""

import re
from pathlib import Path

import nbformat
import pytest

from cnncourse.grading.isolation.statements import read_all, to_run
from cnncourse.grading.lab import find_labs, labs_folder, read_lab
from cnncourse.grading.reading import read

SOLUTIONS = Path(__file__).parents[2] / "solutions"
LABS = find_labs()


def test_the_labs_of_a_working_copy_are_found_with_their_exercises():
    lab = LABS["01_nearest_neighbours"]
    assert lab.path == labs_folder() / "01_nearest_neighbours"
    assert lab.sources == ("cnncourse.neighbors",)
    assert {"l1_distances", "NearestNeighbor"} <= set(lab.exercises)
    assert list(LABS) == sorted(LABS)


def write(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "lab.py").write_text(text)
    return folder


def test_reading_a_lab_does_not_run_it(tmp_path):
    text = 'SOURCE = "y"\nWITHHELD = ("a.b", "c")\nEXERCISES = {"g": "1", "f": "2a"}\nraise SystemExit\n'
    lab = read_lab(write(tmp_path / "07_x", text))
    assert (lab.name, lab.sources, lab.withheld) == ("07_x", ("y",), ("a.b", "c"))
    assert lab.hidden == ("y", "a.b", "c")
    assert lab.exercises == ("g", "f") and lab.numbers["f"] == "2a"
    assert [lab.place(name) for name in ("g", "f", "h")] == [0, 1, 2]


@pytest.mark.parametrize("text", ['SOURCE = "y"\n', "EXERCISES = {}\n"])
def test_a_lab_that_does_not_say_enough_is_named(tmp_path, text):
    with pytest.raises(ValueError, match=r"lab\.py does not say (SOURCE|EXERCISES)"):
        read_lab(write(tmp_path / "07_x", text))


def test_folders_without_lab_are_no_labs(tmp_path):
    (tmp_path / "helpers").mkdir()
    assert read_lab(tmp_path / "helpers") is None
    assert find_labs(tmp_path) == {}


@pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))
def test_the_notebook_has_the_exercises_with_their_numbers_in_this_order(lab):
    notebook = nbformat.read(SOLUTIONS / f"{lab.name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^### Exercise (\w+): `(\w+)` \(\d+ points?\)$", text, re.MULTILINE)
    assert {name: number for number, name in headings} == lab.numbers
    assert [name for _, name in headings] == list(lab.exercises)
    marked = [cell.metadata.get("cnncourse", {}).get("exercise", "") for cell in notebook.cells]
    assert [mark.partition(":")[2] for mark in marked if mark] == list(lab.exercises)


@pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))
def test_the_notebook_promises_the_points_that_the_tests_give(lab):
    notebook = nbformat.read(SOLUTIONS / f"{lab.name}.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    promised = dict(re.findall(r"^### Exercise \w+: `(\w+)` \((\d+) points?\)$", text, re.MULTILINE))
    tests = "\n".join(path.read_text() for path in lab.path.glob("test_*.py"))
    given = dict(re.findall(r'^@exercise\("(\w+)", points=(\d+)\)$', tests, re.MULTILINE))
    assert given == promised


@pytest.mark.parametrize("lab", LABS.values(), ids=list(LABS))
def test_our_own_answers_run_nothing_but_definitions(lab):
    """What grading runs besides is for students' ways of writing: the solution and the right samples do without."""
    folder = labs_folder().parent / "submissions" / lab.name
    solution = read(SOLUTIONS / f"{lab.name}.ipynb").cells
    for file in (None, *sorted(folder.glob("right/*.py"))):
        statements = read_all([*solution, *(read(file).cells if file else ())])
        besides = [statements[i] for i in to_run(statements, lab.exercises) if not statements[i].defines]
        assert [one.where for one in besides] == [], file
