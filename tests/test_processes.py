"""Work side by side: results, errors, deaths, and nobody who stays behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnncourse import arithmetic
from cnncourse.processes import ProcessDied, cores, side_by_side


def square(x):
    return x * x, os.getpid()


def fail(x):
    if x == 1:
        raise ValueError("one is too many")
    return x


def die(x):
    if x == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def threads(_):
    import torch

    return torch.get_num_threads(), [os.environ[name] for name in arithmetic.THREADS]


def write_and_wait(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def test_every_result_comes_with_its_number_from_other_processes():
    found = dict(side_by_side(square, [(i,) for i in range(7)], 2))
    assert {i: value for i, (value, _) in found.items()} == {i: i * i for i in range(7)}
    assert os.getpid() not in {process for _, process in found.values()}
    assert len({process for _, process in found.values()}) <= 2


@pytest.mark.parametrize(("arguments", "jobs"), [([(3,)], 2), ([(3,), (4,)], 1)])
def test_one_thing_at_a_time_is_done_here(arguments, jobs):
    found = dict(side_by_side(square, arguments, jobs))
    assert found == {i: (x * x, os.getpid()) for i, (x,) in enumerate(arguments)}


def test_nothing_to_do_is_done():
    assert list(side_by_side(square, [], 2)) == []


def test_an_error_comes_here():
    with pytest.raises(ValueError, match="one is too many"):
        list(side_by_side(fail, [(0,), (1,), (2,)], 2))


def test_what_cannot_be_sent_back_is_an_error_with_its_text():
    with pytest.raises(RuntimeError, match="pickle"):
        list(side_by_side(make_lambda, [(0,), (1,)], 2))


def make_lambda(_):
    return lambda: 0


def test_a_process_that_dies_costs_its_own_call_alone():
    found = dict(side_by_side(die, [(i,) for i in range(5)], 2, lost=lambda i, code: ("lost", i, code)))
    assert found == {0: 0, 1: ("lost", 1, -signal.SIGKILL), 2: 2, 3: 3, 4: 4}
    with pytest.raises(ProcessDied, match="-9"):
        list(side_by_side(die, [(i,) for i in range(5)], 2))


def test_each_has_one_thread():
    for _, (torchs, variables) in side_by_side(threads, [(0,), (1,)], 2):
        assert torchs == 1 and set(variables) == {"1"}


def test_a_script_without_a_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from math import factorial\nfrom cnncourse.processes import side_by_side\n"
        "print('begun')\nprint(sorted(side_by_side(factorial, [(i,) for i in range(4)], 2)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["begun", "[(0, 1), (1, 1), (2, 2), (3, 6)]"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_process_outlives_who_started_it(tmp_path, how):
    """Waits for what is to happen as long as it takes, not for a time."""
    code = (
        "import sys; sys.path.append(sys.argv[1]); import test_processes as t\n"
        "from cnncourse.processes import side_by_side\n"
        "list(side_by_side(t.write_and_wait, [(sys.argv[2],), (sys.argv[3],)], 2))\n"
    )
    marks = [tmp_path / "a", tmp_path / "b"]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, Path(__file__).parent, *marks], stderr=subprocess.DEVNULL
    )
    while not all(mark.exists() and mark.read_text() for mark in marks):
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(how)
    parent.wait()
    for mark in marks:
        while alive(int(mark.read_text())):
            time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_abandoned_iteration_ends_its_processes(tmp_path):
    running = side_by_side(square, [(i,) for i in range(50)], 2)
    _, (_, process) = next(running)
    running.close()
    assert not alive(process)


def test_there_is_a_core():
    assert cores() >= 1
