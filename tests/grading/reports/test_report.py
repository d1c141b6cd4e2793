"""Reports: complete, self-contained, and unharmed by what a submission says."""

import csv
import io
import json
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from cnncourse.grading.reports.report import folders, grades_csv, gradescope, html, junit, write
from cnncourse.grading.reports.result import Result
from cnncourse.grading.reports.show import is_picture, table, verdict_text
from cnncourse.grading.seam import Problem
from cnncourse.grading.shown import clean, snapshot
from cnncourse.grading.verdict import Call, Verdict

EVIL = "<script>alert(1)</script>\x1b[31m\x00\ud800\u202e [bold]x[/bold] {{ 7*7 }} ]]>&'\""
PASSED = Verdict("f", "test_a", "It holds.", Fraction(2, 3), passed=True, message="")
FAILED = Verdict(
    "f",
    "test_b",
    "It `holds` always.",
    Fraction(2, 3),
    message="at [0, 1]: got 5, expected 6",
    hint="Widen first.",
    place="in cell 3, line 4: return a - b",
    calls=(Call("f", (("a", snapshot(np.array([[1, 2]]))), ("k", snapshot(3)))),),
    smallest=True,
    expected=snapshot(np.array([[1, 6]]), (0, 1)),
    got=snapshot(np.array([[1, 5]]), (0, 1)),
)
RESULT = Result("ada.ipynb", "Ada", "01_x", (PASSED, FAILED), isolation="namespaces: all")


def evil_result() -> Result:
    text = clean(EVIL)
    verdict = replace(FAILED, message=text, place=text, sentence=text, hint=text)
    verdict = replace(verdict, calls=(Call(text, ((text, snapshot(EVIL)),)),), got=snapshot({EVIL: [EVIL]}))
    problem = Problem("syntax", text, 1, 2, text)
    return Result(text, text, text, (verdict,), (problem,), (text,), ((text, text),))


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text, self.hidden = [], [], "", 0
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.hidden += tag == "style"
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        self.hidden -= tag == "style"

    def handle_data(self, data):
        self.text += "" if self.hidden else data


def test_the_page_says_points_hint_place_input_expected_and_got():
    page = Page(html(RESULT))
    for part in (
        "⅔ of 1⅓",
        "It holds.",
        "Widen first.",
        "in cell 3, line 4: return a - b",
        "expected",
        "got",
    ):
        assert part in page.text
    assert "The smallest input found that fails: f(a, k)" in page.text
    assert "namespaces: all" in page.text
    assert '<td class="differs">5</td>' in html(RESULT)
    assert html(RESULT).count('differs"') == 1


def test_the_page_asks_nobody_for_anything():
    picture = replace(FAILED, got=snapshot(np.zeros((9, 9, 3), np.uint8)))
    page = Page(html(replace(RESULT, verdicts=(picture,))))
    assert "script" not in page.tags
    assert [link[:22] for link in page.links] == ["#1", "data:image/png;base64,"]


def test_hostile_text_stays_text_in_the_page():
    page = Page(html(evil_result()))
    assert not {"script", "b>"} & set(page.tags)
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert not set("\x1b\x00\u202e") & set(html(evil_result()))


def test_hostile_text_stays_text_in_xml_and_json():
    suites = ElementTree.fromstring(junit(evil_result()).encode())
    assert "<script>" in suites.find("testsuite/testcase/failure").text
    assert "<script>" in json.loads(gradescope(evil_result()).encode())["tests"][0]["output"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\r=", "|", "＝"])
def test_no_cell_of_the_table_is_a_formula(start):
    formula = f'{start}HYPERLINK("http://x","y")'
    result = replace(RESULT, who=formula, file=formula, problems=(Problem("file", formula),))
    rows = list(csv.DictReader(io.StringIO(grades_csv([(result, "yes")]))))
    for column in ("who", "file", "note"):
        assert rows[0][column][0] in "'\ufffd"


@pytest.mark.parametrize(
    "name", ["Ada-Lovelace", "01-x.ipynb", "3+4=7", "/x", ",x", ".x", ":x", "<x", "a@b.c"]
)
def test_a_name_that_is_no_formula_stays_as_it_is(name):
    rows = list(csv.DictReader(io.StringIO(grades_csv([(replace(RESULT, who=name, file=name), "yes")]))))
    assert (rows[0]["who"], rows[0]["file"]) == (name, name)


def test_the_table_has_a_row_for_each_file_and_no_mark_where_none_was_given():
    failed = Result("bob.ipynb", "Bob", error="the grader failed", grader_failed=True)
    rows = list(csv.DictReader(io.StringIO(grades_csv([(RESULT, "yes"), (failed, "")]))))
    assert rows[0] | {"note": ""} == {
        "who": "Ada", "file": "ada.ipynb", "lab": "01_x", "counts": "yes", "points": "0.6667", "of": "1.3333",
        "f": "0.6667", "note": "",
    }  # fmt: skip
    assert (rows[1]["points"], rows[1]["f"], rows[1]["note"]) == ("", "", "not graded: the grader failed")


def test_gradescope_gets_every_test_with_its_score():
    content = json.loads(gradescope(RESULT))
    assert content["score"] == pytest.approx(2 / 3)
    assert [(t["score"], t["max_score"], t["status"]) for t in content["tests"]] == [
        (pytest.approx(2 / 3), pytest.approx(2 / 3), "passed"),
        (0.0, pytest.approx(2 / 3), "failed"),
    ]
    assert "Hint: Widen first." in content["tests"][1]["output"]


def test_junit_counts_tests_and_failures():
    suite = ElementTree.fromstring(junit(RESULT).encode()).find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), len(suite)) == ("2", "1", 2)
    errors = ElementTree.fromstring(junit(Result("x", "x", error="no JSON")).encode())
    assert errors.find("testsuite/testcase/error").get("message") == "no JSON"


def test_everything_is_written_and_nothing_half(tmp_path):
    write([(RESULT, "yes"), (replace(RESULT, file="../../Ada.ipynb"), "")], tmp_path / "out")
    written = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    files = ("junit.xml", "report.html", "results.json")
    expected = [f"out/{folder}/{file}" for folder in ("Ada-2", "ada") for file in files]
    assert written == sorted([*expected, "out/grades.csv"])


def test_folders_are_safe_names_and_differ():
    names = ["a.ipynb", "A.ipynb", "..", "con\x00.py", "ü/ö.ipynb", "x" * 500]
    made = folders([Result(clean(name), "w") for name in names])
    assert len({name.casefold() for name in made}) == len(names)
    assert all(name and "/" not in name and not name.startswith(".") and len(name) < 80 for name in made)


def test_clean_keeps_text_and_its_letters_and_shortens_what_is_long():
    assert clean("ok\n\tÄ 😀 `x`") == "ok\n\tÄ 😀 `x`"
    assert len(clean("x" * 10**6)) < 2100


def test_plain_text_says_the_same():
    assert verdict_text(PASSED) == "✓ It holds."
    assert verdict_text(FAILED).splitlines() == [
        "✗ It `holds` always.",
        "  at [0, 1]: got 5, expected 6",
        "  in cell 3, line 4: return a - b",
        "  Hint: Widen first.",
        "  f(a, k) is the smallest input found that fails:",
        "    a = [[1, 2]]   (numpy int64 (1, 2))",
        "    k = 3",
        "  expected = [[1, 6]]   (numpy int64 (1, 2))",
        "  got = [[1, 5]]   (numpy int64 (1, 2))",
    ]


def test_a_large_array_is_shown_around_its_first_difference():
    expected = np.zeros((500, 500), np.int64)
    got = expected.copy()
    got[140, 77] = 1
    cells = table(snapshot(got, (140, 77)), snapshot(expected))
    assert cells.cut
    assert 77 in cells.columns
    rows = dict(cells.rows)
    assert rows[140][cells.columns.index(77)] == ("1", True)
    assert sum(differs for row in rows.values() for _, differs in row) == 1


def test_huge_values_are_kept_small():
    shown = snapshot(np.zeros((1000, 32, 32, 3), np.uint8))
    assert shown.array.size <= 65_536
    assert is_picture(shown)
    assert shown.text == "all 0"
    assert len(snapshot([["x" * 10**6] * 1000] * 1000).text) < 2100
