"""What grading found, written down: a page for the student, files for machines, a table for the teacher.

Everything in a submission may be hostile, its name included: each writer escapes for its own format.
"""

import csv
import io
import json
import platform
import re
from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from cnncourse.files import write_text
from cnncourse.grading.exercise import points_text
from cnncourse.grading.reports import show
from cnncourse.grading.reports.result import Result, one_line, problem_place, problem_text

_GRADES = "grades.csv"
_TEMPLATES = Path(__file__).parent / "templates"
_VERSIONS = ("cnncourse", "numpy", "torch", "hypothesis", "pytest")
# What makes a spreadsheet take a text for a formula, with the full-width forms that some accept.
_FORMULA = re.compile(r"\s*[=+\-@|%＝＋－＠]")


def write(results: Iterable[tuple[Result, str]], out: Path) -> None:
    """Writes the reports of each result, a pair with what to say about whether it counts, into ``out``.

    Every submission gets a folder with report.html, results.json and junit.xml; grades.csv has all of them.
    """
    results = list(results)
    for folder, (result, _) in zip(folders([r for r, _ in results]), results, strict=True):
        write_text(out / folder / "report.html", html(result))
        write_text(out / folder / "results.json", gradescope(result))
        write_text(out / folder / "junit.xml", junit(result))
    write_text(out / _GRADES, grades_csv(results))


def folders(results: list[Result]) -> list[str]:
    """A folder name for each result: from its file's name, safe on every system, each once."""
    names = [_GRADES]
    for result in results:
        stem = re.sub(r"[^\w.-]+", "-", Path(result.file).stem).strip(".-")[:60] or "submission"
        name, count = stem, 1
        while name.casefold() in {n.casefold() for n in names}:
            count += 1
            name = f"{stem}-{count}"
        names.append(name)
    return names[1:]


def html(result: Result) -> str:
    """The page that the student reads: self-contained, without scripts, the same for the same result."""
    return templates().get_template("report.html").render(result=result, versions=versions())


def gradescope(result: Result) -> str:
    """results.json as Gradescope's autograders write it."""
    tests = [
        {
            "name": f"{v.exercise}: {v.sentence}",
            "score": float(v.points) if v.passed else 0.0,
            "max_score": float(v.points),
            "status": "passed" if v.passed else "failed",
            "output": show.verdict_text(v),
            "output_format": "text",
            "visibility": "visible",
        }
        for v in result.verdicts
    ]
    head = f"{points_text(result.points)} of {points_text(result.full)} points"
    content = {
        "score": float(result.points),
        "output": "\n".join(filter(None, [f"{result.lab}: {head}" if not result.error else "", result.note])),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {
            "who": result.who,
            "file": result.file,
            "lab": result.lab,
            "max_score": float(result.full),
            "graded": not result.error,
            "isolation": result.isolation,
            "device": result.device,
            "seed": result.seed,
        },
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def junit(result: Result) -> str:
    """JUnit XML: a suite for each exercise, a case for each test."""
    suites = ElementTree.Element("testsuites", name=f"{result.who} {result.file}")
    for e in result.exercises:
        failures = sum(not v.passed for v in e.verdicts)
        count, lost = str(len(e.verdicts)), str(failures)
        suite = ElementTree.SubElement(
            suites, "testsuite", name=e.name, tests=count, failures=lost, errors="0"
        )
        for v in e.verdicts:
            case = ElementTree.SubElement(suite, "testcase", classname=e.name, name=v.name)
            if not v.passed:
                message = ElementTree.SubElement(case, "failure", message=" ".join(v.message.split()))
                message.text = show.verdict_text(v)
    if result.error:
        suite = ElementTree.SubElement(
            suites, "testsuite", name=result.file, tests="1", failures="0", errors="1"
        )
        case = ElementTree.SubElement(suite, "testcase", classname=result.lab or "file", name="graded")
        ElementTree.SubElement(case, "error", message=result.error)
    ElementTree.indent(suites)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"
    )


def grades_csv(results: list[tuple[Result, str]]) -> str:
    """One row for each file, one column for each exercise. A file that was not graded has no marks, not 0."""
    columns = list(dict.fromkeys((r.lab, e.name) for r, _ in results for e in r.exercises))
    several = len({lab for lab, _ in columns}) > 1
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    exercises = [f"{lab}: {name}" if several else name for lab, name in columns]
    writer.writerow(["who", "file", "lab", "counts", "points", "of", *map(_cell, exercises), "note"])
    for result, counts in results:
        got = {(result.lab, e.name): _decimal(e.points) for e in result.exercises}
        marks = ["", ""] if result.error else [_decimal(result.points), _decimal(result.full)]
        row = [_cell(result.who), _cell(result.file), _cell(result.lab), _cell(counts), *marks]
        writer.writerow([*row, *(got.get(c, "") for c in columns), _cell(result.note)])
    return text.getvalue()


@cache
def templates():
    """The templates, with what they call. Autoescaping is on for all of them."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    css = (_TEMPLATES / "verdicts.css").read_text(encoding="utf-8")
    environment.filters["code"] = _code
    environment.globals |= {
        "css": Markup(css),
        "call_text": show.call_text,
        "is_picture": show.is_picture,
        "picture": show.picture,
        "points_text": points_text,
        "problem_place": problem_place,
        "problem_text": problem_text,
        "table": show.table,
    }
    return environment


def versions() -> str:
    """The versions that a result may depend on, in one line."""
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _VERSIONS)]
    )


def _code(text: str):
    """What stands between backquotes as code, all of it escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escape(text))))


def _cell(text: str) -> str:
    """A text in a cell of a spreadsheet: on one line, and never a formula."""
    text = one_line(text)
    return f"'{text}" if _FORMULA.match(text) else text


def _decimal(points: Fraction) -> str:
    return f"{float(points):.4f}".rstrip("0").rstrip(".")
