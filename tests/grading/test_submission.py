import json
import os
import socket
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.submission import MAX_FILE, MODULE, Cell, new_definitions, read, without_magics


def notebook(*sources, **metadata):
    cells = [{"cell_type": "code", "source": source, "outputs": [], "metadata": {}} for source in sources]
    markdown = {"cell_type": "markdown", "source": ["# Title\n"], "metadata": {}}
    return json.dumps({"cells": [markdown, *cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def defined():
    """Runs cells and returns what they define. The module of the definitions does not outlive the test."""

    def run(*texts):
        definitions = new_definitions()
        for number, text in enumerate(texts, 1):
            definitions.define(Cell(number, text))
        return definitions

    yield run
    sys.modules.pop(MODULE, None)


# ---- reading


def test_code_cells_are_counted_and_markdown_is_not(tmp_path):
    got = read(write(tmp_path / "a.ipynb", notebook("x = 1", ["y = 2\n", "z = 3"])))
    assert got.cells == (Cell(1, "x = 1"), Cell(2, "y = 2\nz = 3"))
    assert got.problem is None


def test_a_python_file_keeps_its_line_numbers_in_every_section(tmp_path):
    got = read(write(tmp_path / "a.py", "x = 1\n# %% second\ny = 2\n"))
    assert [cell.number for cell in got.cells] == [None, None]
    assert got.cells[1].text == "\n# %% second\ny = 2\n"


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({}, "a"),
        ({"authors": [{"name": "Ada  Lovelace"}]}, "Ada Lovelace"),
        ({"student": "Grace Hopper", "cnncourse": {"lab": "01"}}, "Grace Hopper"),
        ({"student": 3}, "a"),
        ({"cnncourse": {"student": "Alan\nTuring\x1b[31m"}}, "Alan Turing[31m"),
        ({"cnncourse": {"student": "x" * 1000}}, "x" * 100),
        ({"cnncourse": {"student": ["no", "text"]}}, "a"),
        ({"cnncourse": 3, "authors": [3]}, "a"),
        ({"authors": {"name": "x"}}, "a"),
        ({"cnncourse": {"student": "  "}}, "a"),
    ],
)
def test_who_it_is_comes_from_the_metadata_or_the_file_name(tmp_path, metadata, who):
    assert read(write(tmp_path / "a.ipynb", notebook("x = 1", **metadata))).who == who


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello", "no JSON .line 1"),
        ("", "no JSON"),
        (b"\xff\xfe\x00", "not text in UTF-8 .byte 0"),
        ("[1, 2]", "no cells"),
        ('{"cells": 3}', "no cells"),
        ('{"worksheets": []}', "old format"),
        ("[" * 200_000, "nothing that Jupyter writes"),
        ('{"cells": ' + "9" * 10_000 + "}", "nothing that Jupyter writes"),
        (b" " * (MAX_FILE + 1), "larger than 16 MB"),
        (b"PK\x03\x04\xff", "not text"),
    ],
)
def test_a_file_that_is_no_notebook_says_what_is_wrong_with_it(tmp_path, content, message):
    got = read(write(tmp_path / "a.ipynb", content))
    assert got.cells == ()
    assert got.problem.kind == "file"
    assert __import__("re").search(message, got.problem.message)


def test_what_is_no_file_says_so_at_once(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "dangling.ipynb").symlink_to("nowhere")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.ipynb"))
        for name, message in {
            "folder": "folder",
            "pipe": "pipe",
            "dangling": "symbolic link",
            "missing": "No such file",
            "socket": "cannot be read",
        }.items():
            assert message in read(tmp_path / f"{name}.ipynb").problem.message
    assert "device" in read("/dev/zero").problem.message


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["cells", "cell_type", "source", "metadata", "authors"]) | st.text(), inner
            )
        ),
    )
)
def test_any_json_is_read_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.ipynb"
    for content in (value, {"cells": [value, {"cell_type": "code", "source": value}], "metadata": value}):
        got = read(write(path, json.dumps(content)))
        assert all(type(cell.text) is str for cell in got.cells)
        assert type(got.who) is str


def test_reading_runs_and_parses_no_python(tmp_path, monkeypatch):
    monkeypatch.setattr("ast.parse", None)
    monkeypatch.setattr("cnncourse.grading.submission.compile", None, raising=False)
    assert read(write(tmp_path / "a.py", "raise SystemExit")).cells


# ---- defining


def test_only_definitions_run(defined):
    got = defined(
        "import math\nN = 3\nT, (U, V) = (1, 2), (3, 4)\nW: int = 5\nsquare = lambda x: float(x) ** 2",
        "def f(x):\n    return N * x\n\nclass A:\n    b = N\n\nA.c = f\nM = [N * 2, -N, math.pi]\nN2 = f",
        "print('hello')\nresult = f(2)\nfor i in range(3):\n    total = i\nwith f(1) as g: pass\ndel math",
    )
    assert got.problems == []
    assert set(got.names()) == {"math", *"NTUVWAfM", "N2", "square"}
    assert got.namespace["square"](3) == 9.0
    assert got.namespace["A"].c is got.namespace["f"]
    assert set(got.skipped) == {"result", "i", "total", "g"}


@pytest.mark.parametrize(
    "statement",
    [
        "x = f()",
        "x = [f() for _ in y]",
        "x = 1 + f()",
        "x: int = f()",
        "x = lambda a=f(): a",
        "x += f()",
        "(x := f())",
        "if f():\n    x = 1",
        "if True:\n    x = f()",
        "try:\n    x = f()\nexcept Exception:\n    x = 1",
        "while True:\n    x = 1",
        "y[f()] = x = 1",
        "with f() as x: pass",
        "async def g(): pass\nx = await g()",
    ],
)
def test_what_calls_something_does_not_run(defined, statement):
    got = defined("called = []\ny = []\ndef f():\n    called.append(1)\n    return 1", statement)
    assert got.namespace["called"] == []
    assert "x" not in got.namespace
    assert "cell 2, line " in got.skipped["x"]


def test_a_skipped_name_says_why_and_so_does_what_follows_from_it(defined):
    got = defined("images = load()\nfirst = images[0]\n", "half = first / 2")
    assert got.problems == []
    assert "cell 1, line 1 assigns what a call returns" in got.skipped["images"]
    assert "needs `images`" in got.skipped["first"]
    assert "needs `first`" in got.skipped["half"]


def test_guards_around_definitions_run(defined):
    got = defined(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere\nelse:\n    x = 1",
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
        "if __name__ == '__main__':\n    main = 1",
    )
    assert got.problems == []
    assert got.namespace["x"] == 1
    assert got.namespace["nowhere"] is None
    assert "program" in got.skipped["main"]


def test_a_failed_import_costs_only_its_own_names(defined):
    got = defined(
        "import math, nowhere, json\nfrom math import sqrt, nothing, pi\nfrom nowhere import *\nx = 1"
    )
    assert {"math", "json", "sqrt", "pi", "x"} == set(got.names())
    assert [(p.kind, p.cell, p.line) for p in got.problems] == [
        ("import", 1, 1),
        ("import", 1, 2),
        ("import", 1, 3),
    ]
    assert "No module named 'nowhere'" in got.skipped["nowhere"]
    assert "cannot import name 'nothing'" in got.skipped["nothing"]


def test_a_star_import_binds_its_names(defined):
    assert defined("from math import *").namespace["sqrt"](4) == 2


def test_a_syntax_error_costs_one_cell_and_is_placed(defined):
    got = defined("a = 1", "b = 2\ndef f(:\n    pass\n", "c = 3")
    assert set(got.names()) == {"a", "c"}
    (problem,) = got.problems
    assert (problem.kind, problem.cell, problem.line, problem.source) == ("syntax", 2, 2, "def f(:")


@pytest.mark.parametrize(
    "text", ["x = 1\0", "(" * 5000, "x = " + "-" * 50_000 + "1", "\ud800", "a" * 10 + "\x0c\x0c ="]
)
def test_source_that_no_parser_takes_costs_one_cell(defined, text):
    got = defined("a = 1", text, "b = 2")
    assert {"a", "b"} <= set(got.names())
    assert got.problems[0].cell == 2


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("@nothing\ndef f(): pass", "NameError"),
        ("class A:\n    1 / 0", "ZeroDivisionError"),
        ("def f(x=1 / 0): pass", "ZeroDivisionError"),
        ("import sys\ndef f(x=sys.exit(3)): pass", "SystemExit: 3"),
        ("class A:\n    raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class A:\n    raise BaseException('no')", "BaseException: no"),
        ("class E(Exception):\n    def __str__(self): raise self\nclass A:\n    raise E", "cannot be read"),
    ],
)
def test_a_definition_that_raises_costs_its_own_name(defined, statement, message):
    got = defined("a = 1", statement, "b = 2")
    assert {"a", "b"} <= set(got.names())
    (problem,) = got.problems
    assert (problem.kind, problem.cell) == ("definition", 2)
    assert message in problem.message
    assert got.skipped.keys() <= {"f", "A"}
    assert len(got.skipped) == 1


def test_an_experiment_that_cannot_be_repeated_is_no_problem_but_a_name_that_is_missed_says_why(defined):
    got = defined(
        "rows, at = [], 4\nfor i in range(9):\n    rows.append(i)\nlast = rows[at]\nrows[0] += 1\na = 1"
    )
    assert got.problems == []
    assert set(got.names()) == {"rows", "at", "a"}
    assert got.skipped["last"] == "cell 1, line 4 failed: IndexError: list index out of range"


def test_the_last_definition_wins(defined):
    assert defined("def f(): return 1", "f = 3\ndef f(): return 2").namespace["f"]() == 2


def test_a_name_that_is_defined_later_is_not_missing(defined):
    got = defined("x = f()", "x = 3")
    assert got.namespace["x"] == 3
    assert got.skipped == {}


def test_future_imports_hold_for_later_cells(defined):
    got = defined("from __future__ import annotations", "def f(x: nothing): pass")
    assert got.problems == []
    assert got.namespace["f"].__annotations__ == {"x": "nothing"}


def test_classes_know_their_module_and_functions_their_source(defined):
    import inspect

    got = defined(
        "from dataclasses import dataclass",
        "@dataclass\nclass A:\n    x: int = 1\n\ndef f():\n    return 1\n",
    )
    assert got.namespace["A"].__module__ == MODULE
    assert inspect.getsource(got.namespace["f"]) == "def f():\n    return 1\n"


# ---- magics


@pytest.mark.parametrize(
    "magic",
    [
        "%matplotlib inline",
        "!pip install x",
        "?print",
        "print?",
        "np.sum??",
        "x = !ls",
        "files = %time f()",
        "!ls \\\n  -l",
    ],
)
def test_magics_are_blanked_and_lines_stay_where_they_are(defined, magic):
    got = defined(f"a = 1\n{magic}\ndef f():\n    raise ValueError\nb = 2")
    assert got.problems == []
    assert {"a", "b", "f"} == set(got.names())
    assert got.namespace["f"].__code__.co_firstlineno == 3 + magic.count("\n")


def test_a_magic_in_a_block_leaves_a_block(defined):
    got = defined("def f():\n    %timeit 3\nx = 1")
    assert got.problems == []
    assert got.namespace["f"]() is None


def test_cell_magics_blank_the_cell_unless_it_is_python(defined):
    got = defined("%%bash\nls | wc", "%%time\na = 1", "\n%%html\n<b>")
    assert got.problems == []
    assert got.names() == ["a"]


def test_percent_signs_of_python_are_not_magics(defined):
    got = defined('text = """\n%matplotlib\n!ls\n"""\nrest = (7\n  % 4)')
    assert got.namespace["text"] == "\n%matplotlib\n!ls\n"
    assert got.namespace["rest"] == 3


@given(st.text("%!?a=\n\\ ", max_size=30))
def test_blanking_keeps_the_number_of_lines(text):
    assert without_magics(text).count("\n") == text.count("\n")
