"""What a lab's notebook imports is there while the lab is graded, and what its exercises are is not.

A package whose ``__init__`` imports a hidden module cannot be imported at all, nor anything in it: the trap for
whoever moves modules.
"""

import ast
import json
import subprocess
import sys

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from cnncourse import files
from cnncourse.grading.isolation.view import hidden_modules
from cnncourse.grading.lab import find_labs

LABS = find_labs()

# What labs import; notebooks that were handed out go on to do so.
PUBLIC = """
from cnncourse import neighbors
from cnncourse.classification import alexnet, googlenet, vgg
from cnncourse.classification.accounting import evaluating, receptive_field
from cnncourse.data import cifar10, difficulties, preprocessing
from cnncourse.grading import check
from cnncourse.neighbors import KNeighborsClassifier, NearestNeighbor, as_rows, cross_validate_k
from cnncourse.neighbors import l1_distances, l2_distances, nearest, vote
from cnncourse.training import zoo
from cnncourse.visualize import bars, curves, image_grid, labelled_grid, neighbors_figure
from cnncourse.visualize import number_grids, pixel_numbers
from cnncourse.visualize.architecture import architecture_figure
from cnncourse.visualize.figure import subplots
from cnncourse.visualize.filters import filters_figure
from cnncourse.visualize.guesses import guesses_figure
from cnncourse.visualize.show import show
"""

# Every lab in one process: torch is imported once, the course's modules anew for each.
PROGRAM = """
import importlib.abc, json, sys

class Hidden(importlib.abc.MetaPathFinder):
    names = frozenset()

    def find_spec(self, name, path=None, target=None):
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is hidden")

sys.meta_path.insert(0, Hidden())
failed = {}
for lab, (hidden, statements) in json.load(sys.stdin).items():
    for name in [name for name in sys.modules if name.partition(".")[0] == "cnncourse"]:
        del sys.modules[name]
    Hidden.names = frozenset(hidden)
    failed[lab] = []
    for statement in statements:
        try:
            exec(statement, {})
        except ImportError as error:
            failed[lab].append(f"{statement}: {error}")
json.dump(failed, sys.stdout)
"""


def hidden(lab):
    """The modules that grading hides."""
    return set(hidden_modules(*LABS[lab].hidden))


def cells(folder, lab):
    path = files.root() / folder / f"{lab}.ipynb"
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def top_level_imports(lab):
    """The statements of a lab that import from the course when the notebook is run from the top."""
    found = []
    for cell in cells("labs", lab):
        for node in ast.parse(TransformerManager().transform_cell(cell.source)).body:
            if isinstance(node, ast.Import | ast.ImportFrom) and "cnncourse" in ast.unparse(node):
                found.append(ast.unparse(node))
    return found


def exercise_modules(lab):
    references = [cell.metadata.get("cnncourse", {}).get("exercise") for cell in cells("solutions", lab)]
    return {reference.partition(":")[0] for reference in references if reference}


@pytest.fixture(scope="module")
def failed():
    """For each lab, and for nothing hidden, the imports that fail."""
    asked = {lab: (sorted(hidden(lab)), top_level_imports(lab)) for lab in LABS}
    asked["nothing hidden"] = ((), PUBLIC.strip().splitlines())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(asked), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_can_import_what_it_imports_while_its_answers_are_hidden(lab, failed):
    assert top_level_imports(lab), "a lab that imports nothing of the course is not tested here"
    assert failed[lab] == []


def test_the_paths_that_labs_use_stay(failed):
    assert failed["nothing hidden"] == []


@pytest.mark.parametrize("lab", LABS)
def test_every_module_of_exercises_is_hidden(lab):
    assert exercise_modules(lab) and exercise_modules(lab) <= hidden(lab)


@pytest.mark.parametrize("lab", LABS)
def test_no_two_labs_have_exercises_in_one_module(lab):
    """A module is withheld whole."""
    others = set().union(*(exercise_modules(other) for other in LABS if other != lab))
    assert exercise_modules(lab).isdisjoint(others)
