"""Tables of topics, the ledger and the badge: as their sources say, in this repository and in a small course."""

import importlib.util
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def load():
    spec = importlib.util.spec_from_file_location("write_tables", ROOT / "tools" / "write_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = load()


def read(name: str):
    return yaml.safe_load((ROOT / name).read_text())


# ------------------------------------------------------------------------------------------------ this repository
def test_what_is_written_has_not_drifted():
    found = [path.relative_to(ROOT).as_posix() for path in tables.drifted(ROOT)]
    assert found == [], "run `python tools/write_tables.py`"


def test_the_topics_name_every_chapter_and_every_lab_of_the_book_in_its_order():
    toc = [chapter["file"] for part in read("_toc.yml")["parts"] for chapter in part["chapters"]]
    parts = [part for part in read("_toc.yml")["parts"] if part["caption"] != "Appendix"]
    chapters = [chapter["file"] for part in parts for chapter in part["chapters"]]
    topics = read("book/topics.yml")
    named = [f"book/{topic['chapter']}" for topic in topics if "chapter" in topic]
    assert list(dict.fromkeys(named)) == [file for file in chapters if file.startswith("book/")]
    assert {f"labs/{topic['lab']}" for topic in topics if "lab" in topic} == {
        file for file in toc if file.startswith("labs/")
    }


def test_the_topics_name_modules_that_are_there():
    for topic in read("book/topics.yml"):
        for name in topic["modules"]:
            path = ROOT.joinpath("cnncourse", *name.split("."))
            assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), name


def test_chapters_labs_and_experiments_name_only_rows_of_the_ledger():
    known = {row for rows in read("book/ledger.yml").values() for row in rows}
    for named in (tables._chapters(ROOT), tables._labs(ROOT), tables._results(ROOT)):
        for name, rows in named.items():
            assert rows <= known, name


def test_every_experiment_every_lab_and_every_chapter_serves_a_row():
    chapters = tables._chapters(ROOT)
    taught = {topic["chapter"] for topic in read("book/topics.yml") if "chapter" in topic}
    assert all(
        chapters[name] for name in taught - {"detection/measured"}
    )  # which measures, and does not explain
    assert all(tables._labs(ROOT).values()) and all(tables._results(ROOT).values())


def test_the_ledger_has_each_row_once_and_no_other_kinds():
    rows = [(row, kind) for part in read("book/ledger.yml").values() for row, (kind, _) in part.items()]
    assert len({row for row, _ in rows}) == len(rows) == 61
    assert {one for _, kind in rows for one in kind.split()} == {"exact", "shown", "reproduced", "quoted"}


# ------------------------------------------------------------------------------------------------- a small course
FILES = {
    "pyproject.toml": '[project]\nversion = "1.2.3"\n',
    "README.md": "# Small\n\n<!-- badge: {w} -->\n<!-- end of badge -->\n\n"
    "<!-- topics: {w} -->\n<!-- end of topics -->\n",
    "book/index.md": "# Index\n\n<!-- topics: {w} -->\n<!-- end of topics -->\n\nThe end.\n",
    "book/topics.yml": "- {topic: Cats, chapter: cats/cats, lab: 01_cats, modules: [cats.ears, cats.tails, dogs]}\n"
    "- {topic: Grading, modules: [grading]}\n",
    "book/ledger.yml": 'Animals:\n  C1: [exact, "Ears"]\n  C2: [shown, "Tails"]\n  C3: [exact reproduced, "Purring"]\n',
    "book/cats/cats.md": '---\nlecture: [C1, C3]\n---\n\n# All about cats\n\n`page.result("purring")`\n',
    "tests/labs/01_cats/lab.py": '"""Lab 1 (C1-C3)."""\n',
    "tests/cats/test_ears.py": "def test_ears_c1():\n    pass\n",
    "cnncourse/cats/ears.py": "",
    "cnncourse/cats/tails.py": 'def tail():\n    """A tail (C2)."""\n',
    "cnncourse/experiments/purring.py": 'LECTURE = ("C3",)\n',
    "book/results/purring.json": "{}",
}


@pytest.fixture
def course(tmp_path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text.replace("{w}", tables.WRITTEN))
    return tmp_path


def written(course: Path) -> dict[str, str]:
    load_anew = load()  # what it has read of this course before it must not count
    return {path.relative_to(course).as_posix(): text for path, text in load_anew.pages(course).items()}


def row(course: Path, name: str) -> str:
    return next(
        line for line in written(course)["book/ledger.md"].splitlines() if line.startswith(f"| {name} |")
    )


def test_the_ledger_finds_what_sources_name(course):
    assert row(course, "C1") == (
        "| C1 | Ears *(exact)* | [All about cats](cats/cats.md) | [Lab&nbsp;1](../labs/01_cats.ipynb) "
        "| cats: ears | cats: ears | |"
    )
    assert row(course, "C3").endswith("| **missing** | **missing** | [purring](cats/cats.md) |")


def test_the_ledger_shows_holes_where_something_should_be(course):
    assert row(course, "C2").startswith("| C2 | Tails *(shown)* | **missing** | [Lab")
    assert row(course, "C2").endswith(
        "| cats: tails | | |"
    )  # a figure may show it, without a test and a result
    assert "1 of 3 rows are complete." in written(course)["book/ledger.md"]
    (course / "book/results/purring.json").unlink()
    assert row(course, "C3").endswith("| **missing** | **missing** | **missing** |")


def test_the_tables_take_titles_from_chapters_and_leave_out_rows_without_one(course):
    pages = written(course)
    assert (
        "| Cats | [All about cats](cats/cats.md) | [Lab&nbsp;1](../labs/01_cats.ipynb) |"
        in pages["book/index.md"]
    )
    assert "Grading" not in pages["book/index.md"] and pages["book/index.md"].endswith("\n\nThe end.\n")
    modules = "`cnncourse.cats.ears`, `.tails`, `cnncourse.dogs`"
    assert f"| Cats | All about cats | `labs/01_cats.ipynb` | {modules} |" in pages["README.md"]
    assert "| Grading | | | `cnncourse.grading` |" in pages["README.md"]


def test_what_was_written_is_not_written_again(course):
    for path, text in load().drifted(course).items():
        path.write_text(text)
    assert load().drifted(course) == {}
    (course / "book/cats/cats.md").write_text("# Renamed\n")
    assert {path.name for path in load().drifted(course)} == {"README.md", "index.md", "ledger.md"}


def test_the_badge_is_there_with_an_address_only(course):
    assert "github" not in written(course)["README.md"]
    address = '[project.urls]\nRepository = "https://github.com/somebody/course"\n'
    (course / "pyproject.toml").write_text(FILES["pyproject.toml"] + address)
    assert "[![course](https://github.com/somebody/course/actions" in written(course)["README.md"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Weight for weight (A2, A8-A10)", {"A2", "A8", "A9", "A10"}),
        ("the lecture's examples (S3 to S5)", {"S3", "S4", "S5"}),
        ("D9, D9b and D10", {"D9", "D9b", "D10"}),
        ("VGG16, conv5 and 3x3", set()),
    ],
)
def test_ids_and_ranges_in_a_text(text, rows):
    assert tables.named_in(text) == rows


def test_a_file_that_lost_its_marks_is_told(course):
    (course / "README.md").write_text("# Small\n")
    with pytest.raises(ValueError, match="there is no <!-- badge: written by"):
        written(course)
