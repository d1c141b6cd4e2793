"""Releasing labs, in a course of one small module; a test breaks one thing and reads what is said of it."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest

from cnncourse import release
from cnncourse.release import ReleaseError, check, find_answer, free_names

LIBRARY = '''"""A library with two exercises."""

import numpy as np


def double(values: np.ndarray) -> np.ndarray:
    """Twice the values.

    >>> double(np.array([1, 2]))
    array([2, 4])
    """
    # no loop is needed
    twice = values + values
    return twice


class Memory:
    """Remembers values as ``values``."""

    def __init__(self, name="nobody"):
        self.name = name

    def keep(self, values):
        """Remembers twice the values."""
        self.values = double(values)

    def greet(self):
        """Says who it is."""
        return f"I am {self.name}"
'''
PROJECT = '[project]\nversion = "1.2.3"\n[project.urls]\n'
ADDRESS = "https://github.com/somebody/course"
EXERCISE = {"double": {"exercise": "cnncourse.tiny:double"}}
MEMORY = {"exercise": "cnncourse.tiny:Memory", "blank": ["keep"]}


def code(name, source, **marks):
    metadata = {"cnncourse": marks} if marks else {}
    return nbformat.v4.new_code_cell(source, id=name, metadata=metadata)


def text(name, source, **marks):
    metadata = {"cnncourse": marks} if marks else {}
    return nbformat.v4.new_markdown_cell(source, id=name, metadata=metadata)


def write(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(release.text_of(notebook))


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Path:
    """A course whose solution was run and whose lab was written."""
    root = tmp_path_factory.mktemp("course")
    (root / "cnncourse").mkdir()
    (root / "cnncourse" / "tiny.py").write_text(LIBRARY)
    (root / "pyproject.toml").write_text(PROJECT)
    cells = [
        code("imports", "%matplotlib inline\nimport numpy as np"),
        text("title", "# Twice"),
        code("double", "", **EXERCISE["double"]),
        text("remark", "Adding is as good as `values * 2`.", solution=True),
        code("memory", "", **MEMORY),
        code("experiment", "print(double(np.arange(3)))\nprint(Memory('Ada').greet())"),
        text("way-in", "", install=True),
        code("install", "", install=True),
    ]
    write(root / "solutions" / "01_twice.ipynb", nbformat.v4.new_notebook(cells=cells))
    release.release(root, say=lambda line: None)
    return root


@pytest.fixture
def course(released, tmp_path) -> Path:
    return shutil.copytree(released, tmp_path / "course")


def solution(course):
    return nbformat.read(course / "solutions" / "01_twice.ipynb", as_version=4)


def lab(course):
    return nbformat.read(course / "labs" / "01_twice.ipynb", as_version=4)


def cell(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def findings(course) -> list[str]:
    return [str(finding) for finding in check(course)]


def only(course) -> str:
    """The one thing that is found."""
    (finding,) = findings(course)
    return finding


def replace(file, old, new):
    content = file.read_text()
    assert old in content
    file.write_text(content.replace(old, new))


# -------------------------------------------------------------------------------------------- what is written
def test_a_released_course_has_nothing_wrong(course):
    assert findings(course) == []


def test_the_solution_holds_the_librarys_code_and_its_outputs(course):
    assert (
        cell(solution(course), "double").source
        == LIBRARY[LIBRARY.index("def double") : LIBRARY.index("\n\n\nclass")]
    )
    assert cell(solution(course), "experiment").outputs[0].text == "[0 2 4]\nI am Ada\n"


def test_the_lab_keeps_signature_and_docstring_and_raises(course):
    stub = cell(lab(course), "double").source
    assert stub.splitlines()[0] == "def double(values: np.ndarray) -> np.ndarray:"
    assert ">>> double(np.array([1, 2]))" in stub
    assert "twice" not in stub and "no loop" not in stub
    with pytest.raises(NotImplementedError, match=r"Write double here\."):
        names = {}
        exec("import numpy as np\n" + stub + "\ndouble(1)", names)


def test_a_class_is_given_but_for_the_methods_to_write(course):
    names = {}
    exec(cell(lab(course), "memory").source, names)
    memory = names["Memory"]("Grace")
    assert memory.greet() == "I am Grace"
    with pytest.raises(NotImplementedError, match=r"Write keep here\."):
        memory.keep([1])


def test_the_lab_has_no_outputs_no_markers_no_remarks(course):
    text = (course / "labs" / "01_twice.ipynb").read_text()
    notebook = json.loads(text)
    assert all(cell["metadata"] == {} for cell in notebook["cells"])
    assert all(cell["outputs"] == [] for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert notebook["metadata"]["cnncourse"] == {"lab": "01_twice", "student": ""}
    assert "cnncourse.tiny" not in text and "values * 2" not in text


def test_cells_keep_their_ids(course):
    assert [cell.id for cell in lab(course).cells] == [
        *("imports", "title", "double", "memory", "experiment", "way-in", "install")
    ]


def test_releasing_twice_runs_nothing_and_writes_the_same_bytes(course):
    before = {file: file.read_bytes() for file in course.rglob("*") if file.is_file()}
    said = []
    release.release(course, say=said.append)
    assert said == []
    assert {file: file.read_bytes() for file in course.rglob("*") if file.is_file()} == before


def test_a_change_in_the_library_reaches_both_notebooks_and_the_outputs(course):
    library = course / "cnncourse" / "tiny.py"
    replace(library, "twice = values + values", "twice = values + values + 1")
    replace(library, "Twice the values.", "Twice the values, and one.")
    said = []
    release.release(course, say=said.append)
    assert said == [
        "running solutions/01_twice.ipynb",
        "wrote solutions/01_twice.ipynb",
        "wrote labs/01_twice.ipynb",
    ]
    assert "and one" in cell(lab(course), "double").source
    assert cell(solution(course), "experiment").outputs[0].text == "[1 3 5]\nI am Ada\n"
    assert findings(course) == []


def test_a_solution_that_fails_is_named_and_nothing_is_written(course):
    replace(course / "cnncourse" / "tiny.py", "values + values", "values + undefined_thing")
    replace(
        course / "solutions" / "01_twice.ipynb",
        "import numpy as np",
        "import numpy as np\\nundefined_thing = 0",
    )
    replace(
        course / "solutions" / "01_twice.ipynb", "print(double(np.arange(3)))", "print(1 / undefined_thing)"
    )
    before = (course / "solutions" / "01_twice.ipynb").read_bytes()
    with pytest.raises(
        ReleaseError, match=r"(?s)solutions/01_twice\.ipynb: does not run through.*ZeroDivisionError"
    ):
        release.release(course, say=lambda line: None)
    assert (course / "solutions" / "01_twice.ipynb").read_bytes() == before


def test_without_an_address_a_lab_says_how_to_install_what_was_given_and_names_no_place(course):
    notebook = lab(course)
    for name in ("way-in", "install"):
        assert "pip install cnncourse-1.2.3-py3-none-any.whl" in cell(notebook, name).source
    assert "http" not in (course / "labs" / "01_twice.ipynb").read_text()
    assert cell(solution(course), "install").source == cell(notebook, "install").source


def test_with_an_address_a_lab_leads_to_the_tag_of_its_version_and_no_solution_is_run_again(course):
    replace(course / "pyproject.toml", "[project.urls]", f'[project.urls]\nRepository = "{ADDRESS}"')
    assert [finding.partition(":")[0] for finding in findings(course)] == [
        "solutions/01_twice.ipynb, cell 7 (way-in)",
        "solutions/01_twice.ipynb, cell 8 (install)",
        "labs/01_twice.ipynb, cell 6 (way-in)",
    ]
    said = []
    release.release(course, say=said.append)
    assert said == ["wrote solutions/01_twice.ipynb", "wrote labs/01_twice.ipynb"]
    notebook = lab(course)
    assert f'git+{ADDRESS}@v1.2.3"' in cell(notebook, "install").source
    assert "blob/v1.2.3/labs/01_twice.ipynb" in cell(notebook, "way-in").source
    assert findings(course) == []


def test_an_address_typed_into_a_solution_is_found(course):
    replace(course / "solutions" / "01_twice.ipynb", "the folder or wheel you were given", "PyPI")
    assert any(
        "cell 7 (way-in): is not how the course that pyproject.toml describes is installed" in finding
        for finding in findings(course)
    )


def test_a_project_that_says_no_version_is_told(course):
    (course / "pyproject.toml").unlink()
    with pytest.raises(ReleaseError, match=r"pyproject\.toml does not say the project's version"):
        release.release(course, say=lambda line: None)


# ---------------------------------------------------------------------------------------------- what is found
def test_a_changed_body_is_found(course):
    replace(course / "cnncourse" / "tiny.py", "twice = values + values", "twice = 2 * values")
    drifted, not_run = findings(course)
    assert drifted.startswith(
        "solutions/01_twice.ipynb, cell 3 (double): is not the code of cnncourse.tiny:double"
    )
    assert "was not run since" in not_run and "run `cnncourse release`" in not_run


def test_a_changed_docstring_is_found_in_the_lab_too(course):
    replace(course / "cnncourse" / "tiny.py", "Twice the values.", "Two times the values.")
    assert any(
        finding.startswith("labs/01_twice.ipynb, cell 3 (double): is not what")
        for finding in findings(course)
    )


def test_an_output_left_in_the_lab_is_found(course):
    notebook = lab(course)
    cell(notebook, "experiment").outputs = [nbformat.v4.new_output("stream", name="stdout", text="hello")]
    write(course / "labs" / "01_twice.ipynb", notebook)
    assert only(course).startswith("labs/01_twice.ipynb, cell 5 (experiment): holds an output")


@pytest.mark.parametrize("key", ["cnncourse", "tags"])
def test_a_marker_left_in_the_lab_is_found(course, key):
    notebook = lab(course)
    cell(notebook, "double").metadata[key] = (
        {"exercise": "cnncourse.tiny:double"} if key == "cnncourse" else ["answer"]
    )
    write(course / "labs" / "01_twice.ipynb", notebook)
    assert f'labs/01_twice.ipynb, cell 3 (double): holds a marker, metadata "{key}"' in only(course)


@pytest.mark.parametrize("where", ["double", "title", "experiment"])
def test_a_leaked_line_of_an_answer_is_found(course, where):
    notebook = lab(course)
    cell(notebook, where).source += "\n    twice = values + values"
    write(course / "labs" / "01_twice.ipynb", notebook)
    assert only(course).endswith(
        f"({where}): holds a line of double's answer, `twice = values + values`: run `cnncourse release`"
    )


def test_a_line_of_an_answer_that_a_given_cell_shows_is_no_leak(course):
    notebook = solution(course)
    cell(notebook, "experiment").source += "\nvalues = np.arange(2)\ntwice = values + values"
    write(course / "solutions" / "01_twice.ipynb", notebook)
    release.release(course, say=lambda line: None)
    assert findings(course) == []


def test_a_name_that_no_cell_before_imports_is_found(course):
    notebook = solution(course)
    cell(notebook, "imports").source = "import math"
    write(course / "solutions" / "01_twice.ipynb", notebook)
    message = (
        "solutions/01_twice.ipynb, cell 3 (double): double uses `np`: import or define it in a cell before"
    )
    assert message in findings(course)
    with pytest.raises(ReleaseError, match="double uses `np`"):
        release.release(course, say=lambda line: None)


def test_an_annotation_that_does_not_resolve_is_found(course):
    replace(course / "cnncourse" / "tiny.py", "(values: np.ndarray)", '(values: "Tensor")')
    assert any("(double): double uses `Tensor`" in finding for finding in findings(course))


def test_an_exercise_before_the_one_it_uses_is_found(course):
    notebook = solution(course)
    notebook.cells[2], notebook.cells[4] = notebook.cells[4], notebook.cells[2]
    write(course / "solutions" / "01_twice.ipynb", notebook)
    assert any("cell 3 (memory): Memory uses `double`" in finding for finding in findings(course))


def test_a_name_assigned_from_a_call_does_not_count(course):
    """Grading runs definitions only, so there such a name would be missing."""
    replace(course / "cnncourse" / "tiny.py", "twice = values + values", "twice = values + offset")
    notebook = solution(course)
    cell(notebook, "imports").source += "\noffset = np.zeros(1)"
    write(course / "solutions" / "01_twice.ipynb", notebook)
    assert any("double uses `offset`" in finding for finding in findings(course))


def test_a_given_import_of_the_answers_is_found(course):
    notebook = solution(course)
    cell(notebook, "imports").source += "\nfrom cnncourse.tiny import double"
    write(course / "solutions" / "01_twice.ipynb", notebook)
    assert any(
        "(imports): imports cnncourse.tiny, which grading hides" in finding for finding in findings(course)
    )


def test_a_missing_lab_is_found(course):
    (course / "labs" / "01_twice.ipynb").unlink()
    assert only(course) == "labs/01_twice.ipynb: is not there: run `cnncourse release`"


def test_a_lab_without_solution_is_found(course):
    shutil.copy(course / "labs" / "01_twice.ipynb", course / "labs" / "02_thrice.ipynb")
    assert only(course).startswith("labs/02_thrice.ipynb: no solutions/02_thrice.ipynb")


def test_an_edited_lab_is_found(course):
    replace(course / "labs" / "01_twice.ipynb", "# Twice", "# Thrice")
    assert only(course).startswith("labs/01_twice.ipynb, cell 2 (title): is not what the solution makes")


def test_an_error_kept_in_a_solution_is_found(course):
    notebook = solution(course)
    error = nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])
    cell(notebook, "experiment").outputs = [error]
    write(course / "solutions" / "01_twice.ipynb", notebook)
    assert "cell 6 (experiment): holds an error, ValueError" in only(course)


def test_a_broken_notebook_is_found(course):
    (course / "solutions" / "01_twice.ipynb").write_text("{")
    assert only(course).startswith("solutions/01_twice.ipynb: is not a valid notebook")


# ---------------------------------------------------------------------------------------- exercises and names
def test_what_is_not_in_the_library_is_named(course):
    with pytest.raises(ReleaseError, match=r"cnncourse/tiny\.py defines no treble"):
        find_answer(course, "cnncourse.tiny:treble")
    with pytest.raises(ReleaseError, match=r"no module cnncourse\.huge"):
        find_answer(course, "cnncourse.huge:double")
    with pytest.raises(ReleaseError, match=r"class Memory has no method .*forget"):
        find_answer(course, "cnncourse.tiny:Memory", ["forget"])


def test_an_exercise_needs_a_text(course):
    replace(course / "cnncourse" / "tiny.py", '"""Remembers twice the values."""', "pass")
    with pytest.raises(ReleaseError, match="keep needs a docstring"):
        find_answer(course, "cnncourse.tiny:Memory", ["keep"])


def test_decorators_travel_with_their_function(course):
    replace(course / "cnncourse" / "tiny.py", "def double", "@np.vectorize\ndef double")
    assert find_answer(course, "cnncourse.tiny:double").stub.startswith("@np.vectorize\ndef double")


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x):\n    return [y + z for y in x]", {"z"}),
        ("def f(x=a):\n    b = 1\n    return lambda: b + c", {"a", "c"}),
        ("@wrap\ndef f():\n    return f", {"wrap"}),
        ("def f(x: 'torch.Tensor') -> list[T]:\n    pass", {"torch", "list", "T"}),
        ("class A(B):\n    width = W\n    def m(self):\n        return self.width, A, g", {"B", "W", "g"}),
        ("def f():\n    import os\n    return os.name", set()),
    ],
)
def test_the_names_that_a_definition_takes_from_outside(source, names):
    assert free_names(source) == names
