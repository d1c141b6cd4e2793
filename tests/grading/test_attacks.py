"""Every attack in ``attacks/`` gains no point and leaves the machine as it was.

Each file there defines ``attack()``, which returns what it achieved, and the exercise ``answer(x)``, which attacks and
then returns something wrong. Needs namespaces: without them these tests are skipped.
"""

import ctypes
import os
import re
import threading
import time
from pathlib import Path

import hypothesis
import pytest

from cnncourse.grading.plugin import GradingPlugin
from cnncourse.grading.reading import read
from cnncourse.grading.running import run_tests
from cnncourse.grading.seam import Cell, Died

ATTACKS = Path(__file__).with_name("attacks")
MARK = "cnncourse-attack"
HONEST = "\n# %%\ndef honest(x):\n    return x + 1\n"
TESTS = """
@exercise("answer", points=3)
class TestAnswer:
    def test_answer(self, submission):
        assert_equal(submission.call("answer", 7, returns=number(int)), 49)

@exercise("honest", points=1)
class TestHonest:
    def test_honest(self, submission):
        assert_equal(submission.call("honest", 7, returns=number(int)), 8)
"""


def processes_below(parent):
    """Process ids of everything that descends from a process."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(name)] = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {parent}
    while more := {pid for pid, above in parents.items() if above in found} - found:
        found |= more
    return found - {parent}


def workers(isolated):
    """Process ids of everything in a worker's namespaces, one list for each worker; the init comes first."""
    families = {}
    for pid in processes_below(isolated._process.pid):
        try:
            numbers = re.search(r"NSpid:\t(.*)", Path(f"/proc/{pid}/status").read_text()).group(1).split()
            space = os.readlink(f"/proc/{pid}/ns/pid")
        except OSError:
            continue
        if len(numbers) == 3:  # the system's, the template's, its own
            families.setdefault(space, []).append((int(numbers[-1]), pid))
    return [[pid for _, pid in sorted(family)] for family in families.values()]


@pytest.fixture
def machine(isolated):
    """Checks after a test that no process, file or mount is left, and that a decoy is still there."""
    before = processes_below(os.getpid()), Path("/proc/self/mounts").read_text(), os.listdir(isolated._copy)
    decoy = Path(f"/tmp/{MARK}-decoy")
    decoy.write_text("unharmed")
    decoy.chmod(0o666)
    yield
    assert (
        processes_below(os.getpid()),
        Path("/proc/self/mounts").read_text(),
        os.listdir(isolated._copy),
    ) == before
    assert decoy.read_text() == "unharmed"
    decoy.unlink()
    for folder in (
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/etc",
        "/usr",
        str(Path.home()),
        ".",
        "..",
        "cnncourse",
    ):
        assert MARK not in os.listdir(folder)


@pytest.fixture
def start(isolated, machine):
    """Starts a submission made of an attack; ends it before the machine is looked at."""
    backends = []

    def start(name):
        backends.append(isolated.start(read(ATTACKS / f"{name}.py").cells))
        assert backends[-1].problems().problems == ()
        return backends[-1]

    yield start
    for backend in backends:
        backend.close()


def test_a_worker_is_alone_before_anything_dangerous_is_tried(start, isolated):
    backend = start("leave_daemon")
    assert backend.request("call", name="os.getpid").error is not None
    ((init, worker),) = workers(isolated)
    status = Path(f"/proc/{worker}/status").read_text()
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status
    if os.geteuid() == 0:
        assert re.search(r"Uid:(\t[45]\d{4}){4}\n", status)
    outside = {os.getpid(), *processes_below(isolated._process.pid)} - {init, worker}
    assert len(outside) >= 2  # the grader, the template
    for kind in ("mnt", "pid", "net", "ipc", "uts"):
        own = os.readlink(f"/proc/{worker}/ns/{kind}")
        assert own not in {os.readlink(f"/proc/{pid}/ns/{kind}") for pid in outside}


@pytest.mark.parametrize("name", sorted(path.stem for path in ATTACKS.glob("*.py")))
def test_an_attack_gains_no_point_and_costs_only_itself(
    name, isolated, machine, small_lab, tmp_path, monkeypatch
):
    monkeypatch.setattr("cnncourse.grading.proxy.CALL_SECONDS", 3.0)
    path = tmp_path / f"{name}.py"
    path.write_text((ATTACKS / f"{name}.py").read_text() + HONEST)
    plugin = GradingPlugin(lambda lab: isolated.start(read(path).cells))
    verdicts = {verdict.name: verdict for verdict in run_tests(small_lab(TESTS), plugin)}
    assert not verdicts["test_answer"].passed
    assert verdicts["test_honest"].passed


@pytest.mark.parametrize(
    "name",
    [
        "read_files",
        "read_memory",
        "write_files",
        "use_network",
        "trace_parent",
        "gain_privileges",
        "fill_disk",
    ],
)
def test_an_attack_achieves_nothing(name, start):
    reply = start(name).request("call", name="attack", seconds=60)
    assert reply.error is None
    assert reply.value == []


def test_patching_the_test_tools_stays_in_the_worker(start):
    backend = start("patch_test_tools")
    given, fail = hypothesis.given, pytest.fail
    try:
        backend.request("call", name="attack")
    except Died:
        pass
    assert (hypothesis.given, pytest.fail) == (given, fail)


# ---- frames


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("too long", "tampered"),
        ("never ends", "did not answer"),
        ("empty", "tampered"),
        ("huge header", "tampered"),
        ("no JSON", "tampered"),
        ("deep", "tampered"),
        ("pickle", "tampered"),
        ("other question", "tampered.*nobody asked for"),
        ("silence", "did not answer"),
    ],
)
def test_a_forged_frame_ends_the_worker(start, name, reason):
    backend = start("forge_frames")
    with pytest.raises(Died, match=reason):
        backend.request("call", name="forge", args=(name,), seconds=1)
    assert not Path(f"/tmp/{MARK}").exists()
    assert "forge" in backend.request("names").value  # in a fresh worker


def test_a_second_answer_is_found_before_the_next_question(start):
    backend = start("forge_frames")
    assert backend.request("call", name="forge", args=("two replies",)).value == 9
    with pytest.raises(Died, match="nobody asked for"):
        backend.request("names")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("close", "closed its connection|ended the program"),
        ("shut", "closed its connection"),
        ("flood", "tampered"),
    ],
)
def test_a_closed_or_flooded_channel_ends_the_worker(start, name, reason):
    with pytest.raises(Died, match=reason):
        start("forge_frames").request("call", name=name, seconds=2)


def test_descriptors_sent_to_the_grader_are_dropped(start):
    backend = start("forge_frames")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Died):
        backend.request("call", name="descriptors", seconds=1)
        backend.request("names", seconds=1)
    assert len(os.listdir("/proc/self/fd")) <= before


# ---- processes, memory


def test_a_fork_bomb_stays_within_its_processes(start, isolated):
    backend = start("fork_bomb")
    most = 0
    done = threading.Event()

    def count():
        nonlocal most
        while not done.wait(0.05):
            most = max(most, *(len(family) - 1 for family in workers(isolated)), 0)

    counter = threading.Thread(target=count)
    counter.start()
    try:
        with pytest.raises(Died):
            backend.request("call", name="attack", seconds=2)
    finally:
        done.set()
        counter.join()
    assert 1 < most <= isolated.limits.processes


def test_a_daemon_does_not_outlive_its_worker(start, isolated):
    backend = start("leave_daemon")
    backend.request("call", name="attack")
    deadline = time.monotonic() + 5
    while len(workers(isolated)[0]) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    (left,) = workers(isolated)
    assert len(left) >= 5
    backend.close()
    assert not any(Path(f"/proc/{pid}").exists() for pid in left)


def test_memory_of_many_processes_is_bounded_together(start, isolated):
    with pytest.raises(Died, match=r"used more than 4 GB"):
        start("exhaust_memory").request("call", name="attack", seconds=60)


# ---- each other

VICTIM = """
import os
SECRET = "the victim's answer"
def hide():
    with open(os.environ["TMPDIR"] + "/secret.txt", "w") as file:
        file.write(SECRET)
    return os.getpid()
def alive():
    return open(os.environ["TMPDIR"] + "/secret.txt").read()
"""
THIEF = """
import os, signal
def look():
    found = [name for name in os.listdir(os.environ["TMPDIR"]) if name != ".cells"]  # its own code
    found += [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    for folder, folders, files in os.walk("/tmp"):
        found += [name for name in files if name == "secret.txt"]
    for pid in range(1, 5000):
        try:
            if pid not in (1, os.getpid()):
                os.kill(pid, signal.SIGKILL)
                found.append(pid)
        except OSError:
            pass
    return found
"""


def test_a_submission_sees_nothing_of_another_graded_beside_it(isolated, machine):
    victim, thief = isolated.start((Cell(1, VICTIM),)), isolated.start((Cell(1, THIEF),))
    try:
        victim.request("call", name="hide")
        assert thief.request("call", name="look", seconds=30).value == []
        assert victim.request("call", name="alive").value == "the victim's answer"
        if os.geteuid() == 0:
            users = {Path(f"/proc/{family[1]}").stat().st_uid for family in workers(isolated)}
            assert len(users) == 2
    finally:
        victim.close()
        thief.close()


def test_the_grader_cannot_be_traced_while_it_grades(isolated):
    """A process that is not dumpable belongs to root in /proc, and no process of its user may trace it."""
    dumpable = 3  # PR_GET_DUMPABLE
    assert ctypes.CDLL(None).prctl(dumpable, 0, 0, 0, 0) == 0
