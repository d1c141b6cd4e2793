"""What a submission may see of the course."""

import pytest

from cnncourse.grading.isolation import view
from cnncourse.grading.isolation.view import hidden_modules
from cnncourse.grading.seam import Cell


@pytest.fixture
def hidden_in(tmp_path):
    """What is hidden in a package of its own: ``hidden_in(files, *sources)``, names without the package."""

    def hide(files, *sources):
        for name, text in {"__init__": "", **files}.items():
            path = tmp_path / "cnncourse" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        found = hidden_modules(*(f"cnncourse.{source}" for source in sources), root=tmp_path)
        return [name.removeprefix("cnncourse.") for name in found]

    return hide


def test_answers_their_private_siblings_and_who_imports_them_are_hidden(hidden_in):
    files = {
        "near": "def answer(): pass",
        "_near_fast": "def kernel(): pass",
        "nearby": "def other(): pass",
        "user": "from cnncourse import near",
        "user_of_user": "def f():\n    import cnncourse.user",
        "relative": "from . import near",
        "inside": "from .near import answer",
        "kernel": "from cnncourse._near_fast import kernel",
        "other": "import cnncourse.nearby, os",
        "room/__init__": "",
        "room/above": "from ..near import answer",
        "room/beside": "from .above import answer",
    }
    assert hidden_in(files, "near") == [
        "_near_fast", "inside", "kernel", "near", "relative", "room.above", "room.beside", "user", "user_of_user",
    ]  # fmt: skip


def test_a_package_of_answers_is_hidden_with_what_lies_in_it(hidden_in):
    files = {"seg/__init__": "", "seg/fcn": "", "segment": "", "_seg_fast": ""}
    assert hidden_in(files, "seg") == ["_seg_fast", "seg", "seg.fcn"]


def test_a_lab_may_have_answers_in_several_modules(hidden_in):
    files = {"near": "", "_near_fast": "", "far": "", "user": "import cnncourse.far"}
    assert hidden_in(files, "near", "far") == ["_near_fast", "far", "near", "user"]


def test_nearest_neighbours_are_hidden_with_their_kernels_and_the_grader_is_not():
    hidden = hidden_modules("cnncourse.neighbors")
    assert "cnncourse.neighbors._fast" in hidden
    assert "cnncourse" not in hidden
    assert not any(name.startswith("cnncourse.grading") for name in hidden)


def test_of_the_grader_there_is_what_runs_a_submission_and_nothing_that_judges_it():
    assert sorted(name.removeprefix("cnncourse.grading.") for name in view.graders_modules()) == [
        "isolation.channel", "isolation.definitions", "isolation.forker", "isolation.init", "isolation.sandbox",
        "isolation.seccomp", "isolation.session", "isolation.statements", "isolation.wire", "isolation.worker", "seam",
    ]  # fmt: skip


def test_the_copy_lacks_answers_tests_and_grader(tmp_path):
    view.write_package(tmp_path, hidden_modules("cnncourse.neighbors"))
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")}
    assert {
        "cnncourse/__init__.py",
        "cnncourse/data/cifar10.py",
        "cnncourse/grading/isolation/worker.py",
    } <= there
    assert not any(path.startswith(("cnncourse/neighbors", "cnncourse/_neighbors")) for path in there)
    assert not any("labs" in path or "compare" in path or "specs" in path for path in there)
    assert "def check" in (tmp_path / "cnncourse" / "grading" / "__init__.py").read_text()


def test_what_a_submission_mentions_of_harmless_modules_is_imported_once():
    cells = (
        Cell(
            1, "from cnncourse.visualize import curves, bars\nimport scipy\nfrom cnncourse import neighbors\n"
        ),
    )
    wanted = view.worth_preloading(cells, hidden_modules("cnncourse.neighbors"))
    assert wanted == {"cnncourse.visualize", "cnncourse.visualize.curves", "scipy"}
