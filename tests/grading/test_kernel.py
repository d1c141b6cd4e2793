"""What `check` says of a kernel that grading would not have: sessions as cells, and one real kernel."""

import asyncio
import os
import types

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from cnncourse.grading.isolation.definitions import new_definitions
from cnncourse.grading.kernel import RULE, differences, saved_file
from cnncourse.grading.lab import find_labs
from cnncourse.grading.seam import Cell

LAB = find_labs()["01_nearest_neighbours"]
VOTE = "def vote(labels):\n    return labels[:, 0]"


def told(*texts, saved=None, **more):
    """Runs the texts as a session's cells, and gives what is told of `vote`."""
    namespace = {"__name__": "__main__", **more}
    for text in texts:
        exec(text, namespace)
    if saved is not None:
        namespace["__vsc_ipynb_file__"] = str(saved)
    cells = [Cell(number, text) for number, text in enumerate(texts, 1)]
    return differences("vote", LAB, namespace, cells)


@pytest.mark.parametrize(
    "texts",
    [
        (VOTE,),
        ("import numpy as np\nK = int(3)", "def vote(x):\n    return np.sum(x) + K"),
        ("import torch", VOTE, "vote = torch.no_grad()(vote)"),
        ("from math import *", "def vote(x):\n    return sqrt(x)"),
        ("K = 1", "def vote(x):\n    return K", "K = 2"),
        ("def vote(x):\n    return len(x)", "def other():\n    from cnncourse.neighbors import vote"),
        ("with open('/dev/null') as file:\n    def vote(x): return x", "print(vote(1))"),
    ],
)
def test_nothing_is_told_where_grading_has_all_that_the_kernel_has(texts):
    assert told(*texts) == []


def test_a_name_that_no_statement_defines_is_told():
    (line,) = told("exec('K = 3')", "def vote(x):\n    return K")
    assert line.startswith("`K` is there, but no statement that grading runs defines it")
    (line,) = told("def vote(x):\n    return K", K=3)  # %run, a startup file, a cell that is gone
    assert line.startswith("`K` is there")


def test_an_experiment_that_took_the_place_of_an_exercise_is_told():
    (line,) = told(VOTE, "def best(): return 1, (lambda labels: labels)", "n, vote = best()")
    assert line == (
        "`vote` is here what line 1 of input [3] made of it; grading takes that of line 1 of input [1]. "
        "Give the other one another name."
    )


def test_an_import_of_the_answers_is_told_also_inside_a_function():
    lines = told("from cnncourse import neighbors", "def vote(x):\n    return neighbors.vote(x)")
    assert ["cnncourse.neighbors, which grading hides" in line for line in lines] == [True]
    (line,) = told("def vote(x):\n    from cnncourse.neighbors import plain\n    return plain.vote(x)")
    assert line.startswith("line 1 of input [1] imports cnncourse.neighbors.plain")


def test_of_cells_that_were_run_again_the_last_counts():
    assert told("exec('K = 3')", "def vote(x):\n    return K", "def vote(x):\n    return x") == []


def test_changed_defaults_of_torch_are_told():
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        lines = told(VOTE)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
    assert [line.partition(" here")[0] for line in lines] == [
        "torch's default dtype is torch.float64", "torch records no gradients",
    ]  # fmt: skip


def test_a_name_that_the_saved_file_lacks_is_told(tmp_path, monkeypatch):
    file = tmp_path / "mine.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(VOTE)]), file)
    assert told(VOTE, saved=file) == []
    (line,) = told("HELP = 1", "def vote(x):\n    return HELP", saved=file)
    assert line == "`HELP` is not in the saved file mine.ipynb: save the notebook, or put its cell back."
    monkeypatch.setitem(os.environ, "JPY_SESSION_NAME", str(file))
    assert saved_file({}) == file
    monkeypatch.setitem(os.environ, "JPY_SESSION_NAME", "a-session-without-a-file")
    assert saved_file({}) is None


def test_what_check_praises_of_a_kernel_grading_defines(tmp_path):
    """The promise, on statements of every kind: with nothing told, grading has every name that the exercise needs."""
    session = (
        "import torch\nfrom functools import partial\nfrom collections import namedtuple",
        "K = int(3)\nPair = namedtuple('Pair', 'a b')\nhalf = partial(divmod, 7)\nROWS = []",
        "for i in range(K):\n    ROWS.append(Pair(i, half(2)))",
        "with torch.no_grad():\n    def help(x):\n        return ROWS[x]",
        "def vote(x):\n    return help(x).b[0]",
    )
    assert told(*session) == []
    definitions = new_definitions()
    definitions.load([Cell(number, text) for number, text in enumerate(session, 1)], ["vote"])
    assert definitions.namespace["vote"](2) == 3
    assert isinstance(definitions.namespace["help"], types.FunctionType)


def test_a_real_kernel_is_told():
    cells = [
        "from cnncourse.grading import check",
        "exec('K = 0')",
        "def vote(labels):\n    return labels[:, K]",
        "print(check('vote'))",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    asyncio.run(client.async_execute())
    text = notebook.cells[-1].outputs[0].text
    assert text.startswith("! `K` is there, but no statement that grading runs defines it")
    assert RULE in text and "`vote` passes" in text
