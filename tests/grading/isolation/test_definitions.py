"""Cells as definitions, and what of them is one."""

import inspect
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.grading.isolation.definitions import MODULE, new_definitions
from cnncourse.grading.isolation.statements import defined_names, python_of
from cnncourse.grading.reading import read
from cnncourse.grading.seam import Cell


@pytest.fixture
def defined():
    """Runs cells and returns what they define. The module of the definitions does not outlive the test."""

    def run(*texts, roots=()):
        definitions = new_definitions()
        definitions.load([Cell(number, text) for number, text in enumerate(texts, 1)], roots)
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
    ],
)
def test_magics_do_nothing_and_lines_stay_where_they_are(defined, magic):
    got = defined(f"\n\na = 1\n{magic}\ndef f():\n    raise ValueError\nb = 2")
    assert got.problems == []
    assert {"a", "b", "f"} == set(got.names())
    assert got.namespace["f"].__code__.co_firstlineno == 5


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


@settings(deadline=None)  # the first example imports IPython
@given(st.text("%!?a=\n\\ >.", max_size=30))
def test_any_cell_becomes_some_text(text):
    assert isinstance(python_of(Cell(1, text)), str | None)


def test_what_ipython_reads_is_read_as_ipython_reads_it(defined):
    got = defined(
        "%matplotlib inline\ntext = 'is %d' % 3\nrest = (7\n    % 4)",
        ">>> pasted = 1\n>>> def g():\n...     return pasted",
        "    indented = 2\n    more = 3",
        "np.x?\nkept = 4\na.b = !ls",
        "%%time\ntimed = 5",
        "\n\n%%capture out\ncaptured = 6",
    )
    assert got.problems == []
    wanted = {"text", "rest", "pasted", "g", "indented", "more", "kept", "timed", "captured"}
    assert wanted <= set(got.names())
    assert (got.namespace["text"], got.namespace["rest"]) == ("is 3", 3)


def test_a_name_that_stands_where_nothing_runs_is_told_with_its_cell(defined, tmp_path):
    got = defined("%%timeit\ndef f(): pass", "%%writefile a.py\nclass G: pass\nx = 1", "y = 1")
    assert got.problems == [] and got.names() == ["y"]
    assert got.skipped["f"] == "it stands in cell 1 under `%%timeit`, which does not run"
    assert "cell 2 under `%%writefile`" in got.skipped["G"]
    path = tmp_path / "a.ipynb"
    cells = [("markdown", "# Title"), ("raw", "def g():\n    pass"), ("code", "z = 1")]
    cells += [("markdown", "Text\n```python\ndef h(): pass\n```")]
    cells = [{"cell_type": kind, "source": text, "metadata": {}} for kind, text in cells]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    definitions = new_definitions()
    definitions.load(read(path).cells, ["g"])
    assert definitions.skipped["g"] == "it stands in a raw cell, number 2 of all cells, which does not run"
    assert "a markdown cell, number 4 of all cells" in definitions.skipped["h"]


# ---- what runs besides definitions

WRITTEN = (
    "import torch\nfrom torch import nn\nfrom functools import partial\nfrom collections import namedtuple\n"
)


@pytest.mark.parametrize(
    "above",
    [
        "CHUNK = int(2e6)",
        "CHUNK = float('inf')",
        "CHUNK = torch.ones(5)",
        "CHUNK = nn.Softmax(dim=-1)",
        "CHUNK = namedtuple('Pair', 'a b')(1, 2)",
        "CHUNK = partial(print, 1)",
        "with torch.no_grad():\n    def CHUNK(): pass",
        "for i in range(3):\n    def CHUNK(i=i): return i",
        "CONFIG = {}\nCONFIG.update(a=int(3))\nCHUNK = dict(CONFIG)['a']",
        "CHUNK = []\nfor i in range(3):\n    CHUNK.append(i)",
        "class CHUNK: pass\nCHUNK.size = len('ab')",
        "import math\nCHUNK = dict(a=1)\nCHUNK['b'] = int(2)\nassert len(CHUNK) == 2",
        "first, CHUNK = divmod(7, 2)",
        "print(CHUNK := int(3))",
        "if int(1): CHUNK = 1\nelse: CHUNK = 2",
        "try:\n    CHUNK = int('x')\nexcept ValueError as error:\n    CHUNK = str(error)",
        "HELP = list('ab')\ndef size(): return len(HELP)\nCHUNK = size()",
    ],
)
def test_what_an_exercise_needs_runs_and_what_it_does_not_need_does_not(defined, above):
    got = defined(WRITTEN + above, "def f(x):\n    return x, CHUNK", "waste = [1, 2].index(7)", roots=["f"])
    assert got.problems == []
    assert got.namespace["f"](1)[1] is got.namespace["CHUNK"]
    assert "waste" in got.skipped and "only what the exercises need" in got.skipped["waste"]
    assert "CHUNK" not in defined(WRITTEN + above, "def f(x):\n    return x", roots=["f"]).namespace or (
        "class CHUNK" in above or above.startswith("CHUNK = []")
    )


def test_a_name_that_def_made_is_bound_again_only_by_what_goes_on_from_it(defined):
    exercise = "import torch\ndef f(x):\n    return x * WEIGHT\ndef best(n):\n    return n, n\n"
    experiment = "WEIGHT, f = best(torch.ones(1, requires_grad=True))"
    got = defined(exercise, experiment, roots=["f"])
    assert got.namespace["f"](2).requires_grad  # WEIGHT came, f stayed
    got = defined(exercise, experiment, "f = torch.no_grad()(f)", roots=["f"])
    assert not got.namespace["f"](2).requires_grad


@pytest.mark.parametrize(
    "never",
    [
        "if __name__ == '__main__':\n    LIMIT = 2",
        "import sys\nsys.path.append('x')",
        "exec('LIMIT = 2')",
        "globals()['LIMIT'] = 2",
        "async def g(): return 2\nLIMIT = await g()",
    ],
)
def test_what_never_runs_is_told_to_whoever_misses_a_name(defined, never):
    got = defined(never, "def f(): return LIMIT", roots=["f"])
    assert "LIMIT" not in got.namespace
    told = got.skipped.get("LIMIT") or got.missing("LIMIT") or ""
    assert "cell 1, line" in told


def test_an_experiment_that_an_exercise_needs_leaves_no_trace_but_its_names(defined):
    code = (
        "import random, sys, torch, numpy as np\n"
        "def set_up():\n    torch.set_default_dtype(torch.float64)\n    torch.set_grad_enabled(False)\n"
        "    sys.setrecursionlimit(77777)\n    np.seterr(all='raise')\n"
        "    return random.random(), float(torch.rand(1))\n"
        "SETTING = set_up()\ndef f(): return SETTING\n"
    )
    before = torch.get_default_dtype(), torch.is_grad_enabled(), sys.getrecursionlimit(), np.geterr()
    drawn = [defined(code, roots=["f"]).namespace["SETTING"] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert before == (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        sys.getrecursionlimit(),
        np.geterr(),
    )


def test_a_needed_statement_that_fails_says_so_to_whoever_misses_its_name(defined):
    got = defined("import torch\nCHUNK = torch.ones(2) @ torch.ones(3)", "def f(): return CHUNK", roots=["f"])
    assert got.problems == []
    assert "cell 1, line 2 failed: RuntimeError" in got.skipped["CHUNK"]


def test_an_empty_exercise_below_a_written_one_is_told(defined):
    got = defined("def f():\n    return 1", "def f():\n    raise NotImplementedError", roots=["f"])
    (problem,) = got.problems
    assert (problem.kind, problem.cell) == ("twice", 2)
    assert "`f` is defined twice, and the last counts" in problem.message
    assert defined("def f():\n    raise NotImplementedError", "def f(): return 1", roots=["f"]).problems == []


# ---- .py files

LIGHT = """# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: light
# ---

# # Lab 1

import importlib.util

if importlib.util.find_spec("cnncourse") is None:
    # %pip install --quiet something

# %matplotlib inline
import numpy as np
from collections import Counter

# Text between cells.

# +
def f(x):
    return np.sum(x), Counter

# -
"""


def test_jupytexts_light_format_keeps_its_imports():
    definitions = new_definitions()
    definitions.load([Cell(None, LIGHT)], ["f"])
    assert definitions.problems == []
    assert {"np", "Counter", "f"} <= set(definitions.names())


def test_a_piece_of_a_python_file_that_cannot_be_read_costs_itself():
    definitions = new_definitions()
    text = "import math\n\ndef f(:\n    return 1\n\ndef g():\n    return math.pi\n\nx = (1,\n\ny = 2\n"
    definitions.load([Cell(None, text)], ["g"])
    assert [problem.line for problem in definitions.problems][:1] == [3]
    assert {"math", "g"} <= set(definitions.names())


def test_cells_become_files_where_there_is_a_folder_for_them(tmp_path):
    definitions = new_definitions(tmp_path)
    definitions.load([Cell(3, "def f():\n    return 1")], ["f"])
    file = inspect.getfile(definitions.namespace["f"])
    assert Path(file).read_text() == "def f():\n    return 1"
    assert definitions.cells[file] == 3


# ---- one answer


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
