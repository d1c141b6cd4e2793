"""Broken submissions in a real worker: each costs the call that breaks it and nothing else. Needs namespaces."""

import numpy as np
import pytest

from cnncourse.grading.isolation import backend as backend_module
from cnncourse.grading.seam import Cell, Died

BROKEN = """
import ctypes, gc, itertools, os, signal, sys, threading, time
import numpy as np, torch

def honest(x):
    return x + 1

def loop():
    while True:
        pass

def sleep():
    time.sleep(1000)

def stubborn():
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass

def hanging_message():
    class E(Exception):
        def __str__(self):
            while True:
                pass
    raise E

def leave():
    os._exit(0)

def leave_in_thread():
    threading.Thread(target=os._exit, args=(3,)).start()
    time.sleep(10)

def segfault():
    ctypes.string_at(0)

def recurse_in_c():  # where no Python counts how deep it is
    gc.disable()
    one = iter([1])
    for _ in range(500_000):
        one = itertools.chain(one)
    next(one)

def abort():
    os.abort()

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def numpy_memory():
    return np.ones(50 * 2**30 // 8)

def torch_memory():
    return torch.ones(50 * 2**30 // 4)

def list_memory():
    kept = []
    while True:
        kept.append(np.zeros(2**24))

def huge_result():
    return np.zeros(2**24)

def noise():
    print("x" * 10**7)
    for descriptor in (1, 2):
        os.write(descriptor, b"x" * 10**6)
    os.system("yes | head -c 10000000")
    return 1

def ask():
    return input("how much? ")

def leave_politely():
    sys.exit(3)

def fork():
    if os.fork() == 0:
        os._exit(0)
    return os.wait()[1]

def threads():
    found = []
    workers = [threading.Thread(target=found.append, args=(i,)) for i in range(8)]
    [w.start() for w in workers]
    [w.join() for w in workers]
    return sorted(found)

def write():
    with open("notes.txt", "w") as file:
        file.write("x")
    return open("notes.txt").read()

def large_file():
    with open("large", "wb") as file:
        file.truncate(2**40)
"""


@pytest.fixture
def backend(isolated):
    backend = isolated.start((Cell(1, BROKEN),))
    yield backend
    assert backend.request("call", name="honest", args=(np.arange(3),)).value.tolist() == [1, 2, 3]
    backend.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loop", "did not answer within 1 s"),
        ("sleep", "did not answer within 1 s"),
        ("stubborn", "did not answer within 1 s"),
        ("hanging_message", "did not answer within 1 s"),
        ("leave", "ended the program"),
        ("leave_in_thread", "ended the program"),
        ("segfault", "crashed .segmentation fault"),
        ("recurse_in_c", "crashed .segmentation fault"),
        ("abort", "aborted"),
        ("kill", "was killed"),
    ],
)
def test_what_ends_or_hangs_a_worker_is_named_and_the_next_one_works(backend, name, reason):
    with pytest.raises(Died, match=reason):
        backend.request("call", name=name, seconds=1)


@pytest.mark.parametrize(
    ("name", "type"),
    [
        ("numpy_memory", "MemoryError|_ArrayMemoryError"),
        ("torch_memory", "RuntimeError"),
        ("list_memory", "MemoryError|_ArrayMemoryError"),
        ("huge_result", "TypeError"),
        ("ask", "EOFError"),
        ("leave_politely", "SystemExit"),
        ("large_file", "OSError"),
    ],
)
def test_what_python_can_catch_is_an_answer_of_the_same_worker(backend, name, type):
    backend.problems()
    init = backend._init
    error = backend.request("call", name=name, seconds=10).error
    assert error.type in type.split("|")
    assert backend._init == init
    if "memory" in name:
        assert error.hint == "the code asks for more memory than there is"


def test_output_is_swallowed(backend, capfd):
    assert backend.request("call", name="noise", seconds=20).value == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "value"), [("fork", 0), ("threads", list(range(8))), ("write", "x")])
def test_ordinary_means_are_there(backend, name, value):
    assert backend.request("call", name=name).value == value


def test_nothing_is_kept_from_one_worker_to_the_next(isolated):
    cells = (
        Cell(
            1,
            "import os\nseen = []\ndef f():\n    seen.append(1)\n    return len(seen), sorted(os.listdir())\n",
        ),
    )
    cells += (Cell(2, "def leave():\n    open('left', 'w').close()\n    os._exit(0)"),)
    backend = isolated.start(cells)
    assert [backend.request("call", name="f").value for _ in range(2)] == [(1, [".cells"]), (2, [".cells"])]
    with pytest.raises(Died):
        backend.request("call", name="leave")
    assert backend.request("call", name="f").value == (1, [".cells"])
    backend.close()


# ---- loading


@pytest.mark.parametrize(
    ("deadly", "how"),
    [
        ("class B:\n    while True: pass", "did not answer"),
        ("import os\ndef b(x=os._exit(0)): pass\nc = 1", "ended the program"),
        ("import ctypes\nclass B:\n    ctypes.string_at(0)\nc = 1", "segmentation fault"),
    ],
)
def test_a_cell_that_kills_the_worker_costs_only_itself(isolated, monkeypatch, deadly, how):
    monkeypatch.setattr(backend_module, "LOAD_SECONDS", 1.0)
    cells = (Cell(1, "def a(): return 1"), Cell(2, deadly), Cell(3, "def d(): return c"))
    backend = isolated.start(cells)
    problems = backend.problems()
    assert {"a", "d"} <= set(problems.names)
    (problem,) = problems.problems
    assert (problem.kind, problem.cell) == ("definition", 2)
    assert how in problem.message
    assert backend.request("call", name="a").value == 1
    if "c = 1" in deadly:
        assert backend.request("call", name="d").value == 1  # the statement alone is left out
    assert how in backend.request("call", name="b" if "def b" in deadly else "B").error.hint
    backend.close()


def test_too_many_deadly_cells_end_the_attempt(isolated):
    cells = tuple(Cell(i, "import os\nclass A:\n    os._exit(0)") for i in range(1, 9))
    backend = isolated.start(cells)
    with pytest.raises(Died, match="could not be loaded"):
        backend.problems()
    backend.close()


def test_syntax_errors_and_missing_packages_are_problems(isolated):
    backend = isolated.start((Cell(1, "import nowhere"), Cell(2, "def ("), Cell(3, "x = 1")))
    assert [(p.kind, p.cell) for p in backend.problems().problems] == [("import", 1), ("syntax", 2)]
    assert backend.problems().names == ("x",)
    assert "nowhere" in backend.problems().skipped["nowhere"]
    backend.close()


@pytest.mark.parametrize(
    "lie",
    [
        "{'problems': [3], 'skipped': {}, 'names': []}",
        "{'problems': [], 'skipped': {'a': 1}, 'names': []}",
        "{'problems': [], 'skipped': {}, 'names': [None]}",
        "{'problems': (), 'skipped': {}, 'names': []}",
        "{}",
        "None",
    ],
)
def test_lies_about_loading_are_refused(isolated, lie):
    text = f"from cnncourse.grading.isolation import worker\nworker.Loading.loaded = lambda self: {lie}"
    backend = isolated.start((Cell(1, text),))
    with pytest.raises(Died, match="nonsense"):
        backend.problems()
    backend.close()


# ---- what a submission can import


def test_the_answers_are_hidden_and_the_rest_of_the_package_is_there(isolated):
    backend = isolated.start(
        (
            Cell(1, "import cnncourse.neighbors"),
            Cell(2, "from cnncourse import neighbors"),
            Cell(3, "import cnncourse.data\nimport cnncourse.grading"),
            Cell(
                4, "from cnncourse.grading import check\nfrom cnncourse.grading.check import check as again"
            ),
            Cell(5, "def f(): return check('a'), again('a')"),
        )
    )
    problems = backend.problems()
    assert [problem.cell for problem in problems.problems] == [1, 2]
    assert all("is hidden while this lab is graded" in problem.message for problem in problems.problems)
    assert backend.request("call", name="f").value == (None, None)
    backend.close()


def test_what_labs_import_works(isolated):
    text = (
        "import matplotlib.pyplot as plt\nimport numpy as np\nfrom PIL import Image\nimport scipy.ndimage\n"
    )
    text += (
        "def f():\n    plt.figure()\n    plt.savefig('a.png')\n    return Image.open('a.png').size[0] > 0\n"
    )
    backend = isolated.start((Cell(1, text),))
    assert backend.problems().problems == ()
    assert backend.request("call", name="f", seconds=30).value is True
    backend.close()


def test_a_function_that_numba_compiles_and_keeps_works(isolated):
    text = "from numba import njit\n@njit(cache=True)\ndef add(a, b):\n    return a + b\n"
    backend = isolated.start((Cell(1, text),))
    assert backend.problems().problems == ()
    assert backend.request("call", name="add", args=(1, 2), seconds=60).value == 3
    backend.close()


def test_what_an_exercise_needs_runs_in_a_worker_and_one_statement_that_never_ends_costs_its_names(
    isolated, monkeypatch
):
    monkeypatch.setattr(backend_module, "LOAD_SECONDS", 2.0)
    cells = (
        Cell(1, "CHUNK = int(2e6)\nWASTE = [i for i in iter(int, 1)]"),
        Cell(2, "import time\nSLOW = time.sleep(60)\nQUICK = list('ab')"),
        Cell(3, "def f():\n    return CHUNK, QUICK\ndef g():\n    return SLOW"),
    )
    backend = isolated.start(cells, ("f", "g"))
    (problem,) = backend.problems().problems
    assert (problem.kind, problem.cell) == ("definition", 2) and "did not answer" in problem.message
    assert backend.request("call", name="f").value == (2_000_000, ["a", "b"])
    assert (
        "`SLOW` was not defined: the statement that defines it did not"
        in backend.request("call", name="g").error.hint
    )
    backend.close()


def test_a_statement_has_five_seconds_of_the_processor(isolated):
    cells = (Cell(1, "BUSY = sum(i for i in iter(lambda: 1, 0))\ndef f():\n    return BUSY"),)
    backend = isolated.start(cells, ("f",))
    (problem,) = backend.problems().problems
    assert "used up its processor time" in problem.message
    backend.close()
