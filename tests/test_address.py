"""Where the course comes from: an address in pyproject.toml alone, or the wheel that somebody was given."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from cnncourse import address
from cnncourse.files import FileError

ROOT = Path(__file__).resolve().parents[1]
GIVEN = address.Address("1.2.3", None)
PUBLISHED = address.Address("1.2.3", "somebody/course")


def project(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "1.2.3"\n{text}')
    return folder


@pytest.mark.parametrize(
    "text", ["", "[project.urls]\n", '[project.urls]\nHomepage = "https://example.org"\n']
)
def test_no_repository_is_no_address(tmp_path, text):
    assert address.read(project(tmp_path, text)) == GIVEN


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_a_repository_on_github_is_read(tmp_path, end):
    text = f'[project.urls]\nRepository = "https://github.com/somebody/course{end}"\n'
    assert address.read(project(tmp_path, text)) == PUBLISHED
    assert PUBLISHED.url == "https://github.com/somebody/course"


@pytest.mark.parametrize(
    "url", ["https://example.org/somebody/course", "github.com/a/b", "https://github.com/a"]
)
def test_another_place_is_refused(tmp_path, url):
    with pytest.raises(FileError, match=r"pyproject\.toml: the Repository .* is not of the form"):
        address.read(project(tmp_path, f'[project.urls]\nRepository = "{url}"\n'))


def test_a_project_without_version_is_refused(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(FileError, match="does not say the project's version"):
        address.read(tmp_path)


def test_the_wheel_is_called_as_it_will_be_built():
    import cnncourse

    course = address.read(ROOT)
    assert course.version == cnncourse.__version__
    assert course.wheel == f"cnncourse-{cnncourse.__version__}-py3-none-any.whl"


def test_students_install_and_open_a_tag_and_no_branch():
    cell, text = address.first_cell(PUBLISHED), address.way_in(PUBLISHED, "01_lab")
    assert '"cnncourse[fast] @ git+https://github.com/somebody/course@v1.2.3"' in cell
    assert "https://colab.research.google.com/github/somebody/course/blob/v1.2.3/labs/01_lab.ipynb" in text
    assert "https://mybinder.org/v2/gh/somebody/course/v1.2.3?labpath=labs%2F01_lab.ipynb" in text


def test_without_an_address_nothing_is_fetched_and_the_wheel_is_named():
    cell, text = address.first_cell(GIVEN), address.way_in(GIVEN, "01_lab")
    for said in (cell, text):
        assert "pip install cnncourse-1.2.3-py3-none-any.whl" in said
        assert "://" not in said and "%pip" not in said
    ast.parse(cell)


def test_the_first_cell_does_nothing_where_the_course_is_and_says_what_to_do_where_it_is_not(monkeypatch):
    exec(address.first_cell(GIVEN))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"Install the course .* pip install cnncourse-1\.2\.3-py3"):
        exec(address.first_cell(GIVEN))


# -------------------------------------------------------------------------------------------- the whole repository
def texts() -> dict[str, str]:
    """The files of the course: what git knows, or would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    found = {}
    for name in names:
        if (ROOT / name).is_file():
            try:
                found[name] = (ROOT / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


MAKERS = {"cnncourse/address.py", "tests/test_book.py"}  # for a repository that they are told
ADDRESS = re.compile(r"github\.com/[\w.-]+/cnncourse|mybinder\.org/v2|research\.google\.com/github")
# The name as it would be asked of an index: not a file, not the start of an address.
BY_NAME = re.compile(r"pip install (?:-\S+ )*[\"']?cnncourse(?![-\w./]*\.whl)(?!\[\w+\] @)")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="no checkout")
def test_nobody_is_told_an_address_that_nobody_owns():
    """Nor to install a name that nobody owns. With an address, only what is made from pyproject.toml says it."""
    course = address.read(ROOT)
    made = ("pyproject.toml", "README.md", "labs/", "solutions/") if course.repository else ()
    for name, text in texts().items():
        if name == "tests/test_address.py":
            continue
        assert not BY_NAME.search(text), name
        if name not in MAKERS and not name.startswith(made):
            assert not ADDRESS.search(text), name


@pytest.mark.parametrize("text", ["pip install cnncourse", '%pip install --quiet "cnncourse[fast]"'])
def test_installing_by_name_is_found(text):
    assert BY_NAME.search(text)
