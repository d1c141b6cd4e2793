"""Attacks with less than code: the size, name and place of a file; and lies in replies that are well formed."""

import subprocess
import sys
import time
from fractions import Fraction

import pytest

from cnncourse.grading.isolation import backend as backend_module
from cnncourse.grading.plugin import GradingPlugin
from cnncourse.grading.reading import MAX_CELLS, MAX_CODE, read
from cnncourse.grading.reports.report import folders, write
from cnncourse.grading.reports.result import Result
from cnncourse.grading.run import grade
from cnncourse.grading.running import run_tests
from cnncourse.grading.seam import Cell, Died, Problem

TESTS = """
@exercise("answer", points=3)
class TestAnswer:
    def test_call(self, submission):
        assert_equal(submission.call("answer", 7, returns=number(int)), 49)
    def test_object(self, submission):
        submission.create("Thing").call("answer", 7)
"""
FORGE = """
from cnncourse.grading.isolation import wire
from cnncourse.grading.seam import Ref, Reply
class Forge:
    def forged(id, reply, real=wire.encode_reply):
        return real(id, change(reply))
    wire.encode_reply = forged
def answer(x):
    return x * x - 1
class Thing:
    def answer(self, x):
        pass
def change(reply):
"""


# ---- files


def test_parts_of_a_file_do_not_multiply_its_size(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("# %%\n" * (MAX_CELLS + 1))
    assert (
        read(path).problem.message
        == f"The file has {MAX_CELLS + 2} cells of code, more than the 500 that are read."
    )
    path.write_text("\n" * (MAX_CODE // 3) + "# %%\n" * (MAX_CELLS - 2))
    assert sum(len(cell.text) for cell in read(path).cells) < 2**28


@pytest.mark.parametrize("line", ["x" * 99 + "\n", "é" * 33 + "\n", "\x01"])
def test_code_that_does_not_fit_into_an_envelope_is_the_files_fault(tmp_path, line):
    path = tmp_path / "a.py"
    path.write_text("#" + line * (3 * 2**20 // len(line)))
    assert "more than 1 MB of code" in read(path).problem.message


def test_a_link_to_somebody_elses_work_is_not_read(tmp_path):
    (tmp_path / "solution.py").write_text("def answer(x): return x * x")
    (tmp_path / "mine.py").symlink_to(tmp_path / "solution.py")
    got = read(tmp_path / "mine.py")
    assert got.cells == ()
    assert "symbolic link" in got.problem.message


def test_a_file_named_as_the_table_does_not_take_its_place(tmp_path):
    result = Result("grades.csv.py", "mallory")
    assert folders([result]) == ["grades.csv-2"]
    write([(result, "")], tmp_path)
    assert (tmp_path / "grades.csv").is_file()


def test_a_modules_name_does_not_make_a_submission_part_of_the_grader(tmp_path):
    trap = "open('trapped', 'w'); raise ImportError"
    for name in ("signal", "pickle", "socket", "threading"):
        (tmp_path / f"{name}.py").write_text(trap)
    (tmp_path / "main").mkdir()
    main = tmp_path / "main" / "grade.py"
    main.write_text(
        "from cnncourse.processes import side_by_side\n"
        "print(sorted(side_by_side(len, [('a',), ('bc',)], 2)))\n"
    )
    done = subprocess.run(
        [sys.executable, main],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.stdout == "[(0, 1), (1, 2)]\n", done.stderr
    assert not (tmp_path / "trapped").exists()


def test_names_and_messages_make_no_rows_of_their_own(tmp_path):
    path = tmp_path / "a\nmallory.py  20 of 20.ipynb"
    path.write_text("{}")
    (result,) = grade([path])
    assert result.file == "a mallory.py 20 of 20.ipynb"
    problem = Problem("definition", "x\nmallory.py  mallory  20 of 20\n" + "A" * 2000, 1, 1, "raise")
    note = Result("a.py", "a", problems=(problem,) * 1000).note
    assert "\n" not in note
    assert len(note) < 1100
    assert note.endswith("; 997 more")


# ---- replies that lie


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        ("return Reply(reply.value, None, ('999',)) if type(reply.value) is int else reply", "changed its input `999`"),
        ("return Reply(reply.value, None, ('²',)) if type(reply.value) is int else reply", "changed its input `²`"),
        ("return Reply(Ref(10**319, 'x')) if type(reply.value) is Ref else reply", "tampered with its connection"),
        ("return Reply([1]) if type(reply.value) is dict else reply", "answered nonsense while it was loaded"),
        ("import numpy\n    return Reply(numpy.zeros(3)) if type(reply.value) is dict else reply", "answered nonsense"),
    ],
)  # fmt: skip
def test_a_lie_is_the_submissions_fault_and_not_the_tests(isolated, small_lab, lie, message):
    cells = (Cell(None, f"{FORGE}    {lie}\n"),)
    verdicts = run_tests(small_lab(TESTS), GradingPlugin(lambda _: isolated.start(cells)))
    assert not any(v.broken for v in verdicts)
    assert message in " ".join(v.message for v in verdicts)
    assert sum((v.points for v in verdicts if v.passed), Fraction(0)) <= Fraction(3, 2)


# ---- time


def test_cells_that_sleep_do_not_add_up(isolated, monkeypatch):
    monkeypatch.setattr(backend_module, "LOADING_SECONDS", 1.0)
    cells = tuple(Cell(i, "class A:\n    import time\n    time.sleep(0.3)") for i in range(1, 40))
    backend = isolated.start(cells)
    begin = time.monotonic()
    for _ in range(20):
        with pytest.raises(Died, match="could not be loaded within 1 s"):
            backend.restart()
    assert time.monotonic() - begin < 10


def test_calls_that_sleep_do_not_add_up(isolated, monkeypatch):
    monkeypatch.setattr(backend_module, "SUBMISSION_SECONDS", 1.0)
    backend = isolated.start((Cell(1, "def nap():\n    import time\n    time.sleep(0.3)"),))
    begin = time.monotonic()
    with pytest.raises(Died, match="minutes for all tests together"):
        for _ in range(20):
            backend.request("call", name="nap")
    for _ in range(20):
        with pytest.raises(Died, match="minutes for all tests together"):
            backend.request("call", name="nap")
    assert time.monotonic() - begin < 10


# ---- memory that belongs to no process


HOARD = """
import mmap, os, socket
def shared():
    mmap.mmap(-1, 4096)
def zero():
    mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096)
def sockets():
    socket.socketpair()
def private():
    mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).write(b"x" * 4096)
    with open(os.environ["TMPDIR"] + "/a", "w+b") as file:
        file.write(b"x" * 4096)
        file.flush()
        mmap.mmap(file.fileno(), 4096)[:1] = b"y"
"""


def test_memory_that_nobody_counts_is_not_to_be_had(isolated):
    backend = isolated.start((Cell(1, HOARD),))
    for name, error in {
        "shared": "PermissionError",
        "zero": "FileNotFoundError",
        "sockets": "PermissionError",
    }.items():
        assert backend.request("call", name=name).error.type == error
    assert backend.request("call", name="private").error is None
    backend.close()
