"""Write what README.md and the book say about the course's own files: the tables of topics, the ledger, the badge.

    python tools/write_tables.py            # write what has changed
    python tools/write_tables.py --check    # only say what has

The topics stand in book/topics.yml, what the lecture says in book/ledger.yml. What is said about a row of the lecture
is found in the sources: they name the row's id, such as A10 or D9b.

* A chapter names the rows that it teaches in its front matter, ``lecture: [A7, A8]``.
* A lab, a test and a module name them in docstrings, ranges such as A8-A10 included; a test also in its name
  (``test_..._s4``). A module serves the rows of the test file that mirrors it, too.
* An experiment names them in ``LECTURE``.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import yaml

from cnncourse import address
from cnncourse.files import write_text

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = "written by tools/write_tables.py"
HOLE = "**missing**"


def pages(root: Path) -> dict[Path, str]:
    """The files and what they should hold."""
    readme, index, ledger = root / "README.md", root / "book" / "index.md", root / "book" / "ledger.md"
    course, topics = address.read(root), _read_yaml(root / "book" / "topics.yml")
    text = _between("badge", course.badge if course.repository else "", readme.read_text(encoding="utf-8"))
    return {
        readme: _between("topics", readme_table(root, topics), text),
        index: _between("topics", index_table(root, topics), index.read_text(encoding="utf-8")),
        ledger: ledger_page(root, _read_yaml(root / "book" / "ledger.yml")),
    }


def _between(name: str, new: str, text: str) -> str:
    """The text with ``new`` between the two comments that say that it is written."""
    start, end = f"<!-- {name}: {WRITTEN} -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"there is no {start} ... {end}")
    within = f"\n{new}\n\n" if new else ""
    return f"{before}{start}\n{within}{end}{after}"


def _read_yaml(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(re.sub(r" +", " ", f"| {' | '.join(line)} |") for line in lines)


# ------------------------------------------------------------------------------------------------------ topics
def readme_table(root: Path, topics: list[dict]) -> str:
    rows = [
        [
            topic["topic"],
            _title(root, topic["chapter"]) if "chapter" in topic else "",
            f"`labs/{topic['lab']}.ipynb`" if "lab" in topic else "",
            ", ".join(_modules(topic["modules"])),
        ]
        for topic in topics
    ]
    return _table(["topic of the lecture", "chapter", "lab", "modules"], rows)


def index_table(root: Path, topics: list[dict]) -> str:
    rows = [
        [topic["topic"], _chapter(root, topic["chapter"]), _lab(topic["lab"]) if "lab" in topic else ""]
        for topic in topics
        if "chapter" in topic
    ]
    return _table(["the lecture's topic", "chapter", "lab"], rows)


def _title(root: Path, chapter: str) -> str:
    text = (root / "book" / f"{chapter}.md").read_text(encoding="utf-8")
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1]


def _chapter(root: Path, chapter: str) -> str:
    return f"[{_title(root, chapter)}]({chapter}.md)"


def _lab(lab: str) -> str:
    return f"[Lab&nbsp;{int(lab[:2])}](../labs/{lab}.ipynb)"


def _modules(names: list[str]) -> Iterator[str]:
    """`cnncourse.data.scenes`, `.voc`: what is in the same package as the one before is short."""
    before = None
    for name in names:
        package, _, last = name.rpartition(".")
        yield f"`.{last}`" if package and package == before else f"`cnncourse.{name}`"
        before = package


# ------------------------------------------------------------------------------------------------------ ledger
def ledger_page(root: Path, ledger: dict[str, dict]) -> str:
    found = {row: Found(root, row) for rows in ledger.values() for row in rows}
    kinds = {row: kind.split() for rows in ledger.values() for row, (kind, _) in rows.items()}
    whole = sum(not found[row].holes(kinds[row]) for row in found)
    parts = [
        f"% {WRITTEN} from book/ledger.yml and from the sources that name a row",
        "# The lecture, row by row",
        "What the lecture says, and where each thing is explained, practised, computed, tested and measured. The page "
        "is made from the sources, which name the rows; nothing of it is typed in.",
        "*Exact* is arithmetic or structure, asserted by a test; *shown* is a behaviour that code demonstrates; "
        "*reproduced* is an effect that a seeded experiment measures; *quoted* is a published figure. "
        f"What should be there and is not says {HOLE}. (Not everything can be practised: a row without a lab is no "
        "hole.)",
        "Modules stand under `cnncourse/`, tests under `tests/`, results in `book/results/`.",
        f"{whole} of {len(found)} rows are complete.",
    ]
    header = ["", "what the lecture says", "chapter", "lab", "modules", "tests", "results"]
    for section, rows in ledger.items():
        lines = [
            [row, f"{title} *({', '.join(kinds[row])})*", *found[row].cells(kinds[row])]
            for row, (_, title) in rows.items()
        ]
        parts += [f"## {section}", f":::{{div}} full-width\n{_table(header, lines)}\n:::"]
    return "\n\n".join(parts) + "\n"


class Found:
    """Where the sources name a row: chapters, labs, modules, tests, results, by their names."""

    def __init__(self, root: Path, row: str):
        self.root, self.row = root, row
        self.chapters = [name for name, rows in _chapters(root).items() if row in rows]
        self.labs = [name for name, rows in _labs(root).items() if row in rows]
        self.tests = [name for name, rows in _tests(root).items() if row in rows]
        mirrored = {name.replace("/test_", ".").replace("/", ".") for name in self.tests}
        modules = _modules_by_name(root)
        self.modules = [name for name, rows in modules.items() if row in rows or name in mirrored]
        self.results = [name for name, rows in _results(root).items() if row in rows]

    def needed(self, kinds: list[str]) -> dict[str, bool]:
        """What a row of these kinds should have. The module of what is only measured is its experiment."""
        modules = "exact" in kinds or "shown" in kinds
        return {
            "chapters": True,
            "modules": modules,
            "tests": "exact" in kinds,
            "results": "reproduced" in kinds,
        }

    def holes(self, kinds: list[str]) -> list[str]:
        return [name for name, needed in self.needed(kinds).items() if needed and not getattr(self, name)]

    def cells(self, kinds: list[str]) -> list[str]:
        """The cells of the table. Chapters and labs are links, and a result is one to the page that shows it."""
        shown = {
            "chapters": [_chapter(self.root, name) for name in self.chapters],
            "labs": [_lab(name) for name in self.labs],
            "modules": _grouped(self.modules),
            "tests": _grouped(name.replace("/test_", ".") for name in self.tests),
            "results": [_result(self.root, name) for name in self.results],
        }
        holes = self.holes(kinds)
        return [HOLE if name in holes else "<br>".join(cell) for name, cell in shown.items()]


def _grouped(names: Iterable[str]) -> list[str]:
    """detection.boxes, detection.nms: a line for each package, short enough for a table of seven columns."""
    packages: dict[str, list[str]] = {}
    for name in names:
        package, _, last = name.rpartition(".")
        packages.setdefault(package, []).append(last)
    return [f"{package}: {', '.join(lasts)}" for package, lasts in packages.items()]


def named_in(text: str) -> set[str]:
    """The ids in a text, those between the ends of a range included: A8-A10, S3 to S7."""
    found = set()
    for first, _, last in re.findall(r"\b([A-Z]\d+b?)\b(?:(-| to )([A-Z]\d+)\b)?", text):
        found.add(first)
        if last and last[0] == first[0] and first[1:].isdigit():
            found |= {f"{last[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1)}
    return found


def _in_docstrings(path: Path) -> set[str]:
    tree, found = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            found |= named_in(ast.get_docstring(node) or "")
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                parts = [part for part in node.name.split("_") if re.fullmatch(r"[A-Za-z]\d+b?", part)]
                found |= {part[0].upper() + part[1:] for part in parts}
    return found


@cache
def _chapters(root: Path) -> dict[str, set[str]]:
    found = {}
    for path in sorted((root / "book").rglob("*.md")):
        front = re.match(r"---\n(.*?)\n---\n", path.read_text(encoding="utf-8"), re.DOTALL)
        rows = yaml.safe_load(front[1]).get("lecture", []) if front else []
        found[path.relative_to(root / "book").with_suffix("").as_posix()] = set(rows)
    return found


@cache
def _labs(root: Path) -> dict[str, set[str]]:
    return {path.parent.name: _in_docstrings(path) for path in sorted(root.glob("tests/labs/*/lab.py"))}


@cache
def _tests(root: Path) -> dict[str, set[str]]:
    """Test files by their names, ``detection/test_roi``; those of labs and of the grader grade, and test nothing."""
    found = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        name = path.relative_to(root / "tests").with_suffix("").as_posix()
        if not name.startswith(("labs/", "grading/", "submissions/")):
            found[name] = _in_docstrings(path)
    return found


@cache
def _modules_by_name(root: Path) -> dict[str, set[str]]:
    """Modules by their names in the package, ``detection.roi``; experiments are results."""
    found = {}
    for path in sorted((root / "cnncourse").rglob("*.py")):
        name = ".".join(path.relative_to(root / "cnncourse").with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith(("experiments", "grading")):
            found[name] = _in_docstrings(path)
    return found


@cache
def _results(root: Path) -> dict[str, set[str]]:
    """Experiments whose result is there, by name."""
    found = {}
    for path in sorted((root / "cnncourse" / "experiments").rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LECTURE"
            if named and (root / "book" / "results" / f"{path.stem}.json").is_file():
                found[path.stem] = set(ast.literal_eval(node.value))
    return found


def _result(root: Path, name: str) -> str:
    for path in sorted((root / "book").rglob("*.md")):
        if re.search(rf"[\"'/]{name}[\"'.]", path.read_text(encoding="utf-8")):
            return f"[{name}]({path.relative_to(root / 'book').as_posix()})"
    return name


def drifted(root: Path) -> dict[Path, str]:
    """The files that do not hold what they should, and what they should."""
    return {
        path: text
        for path, text in pages(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main() -> int:
    found, check = drifted(ROOT), "--check" in sys.argv
    for path, text in found.items():
        name = path.relative_to(ROOT)
        if check:
            print(f"{name} is not what its sources say: run `python tools/write_tables.py`", file=sys.stderr)
        else:
            write_text(path, text)
            print(f"wrote {name}")
    return 1 if found and check else 0


if __name__ == "__main__":
    raise SystemExit(main())
