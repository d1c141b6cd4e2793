"""Cells as definitions, and what of them is one."""

import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncourse.grading.isolation.definitions import MODULE, new_definitions
from cnncourse.grading.isolation.statements import defined_names, without_magics
from cnncourse.grading.seam import Cell


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


@pytest.mark.parametrize(
    "text",
    [
        "A = 3\nB = A * 2\nC: int = 4\nf = lambda x: x",
        "import os.path as p, sys\nfrom math import *\nD = [i for i in (1, 2)]\nE, (F, *G) = 1, (2, 3)\nH = print(1)",
        "try:\n    import json\nexcept ImportError:\n    json = None\nif A:\n    def g(): pass\nfor i in "
        "range(3): j = i",
        "def outer():\n    inner = 1\nclass K:\n    attribute = 1\nif __name__ == '__main__':\n    L = 1",
    ],
)
def test_what_is_said_to_be_defined_is_what_grading_defines(defined, text):
    """The labs' release, `check` and grading go by one answer."""
    got = defined("A = True", text)
    assert defined_names(text) | {"A"} == set(got.names()) - {
        name for name in got.names() if name in vars(math)
    }
