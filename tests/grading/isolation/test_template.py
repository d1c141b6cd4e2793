import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from cnncourse.grading.isolation import backend as backend_module
from cnncourse.grading.isolation.template import IsolationError, Template
from cnncourse.grading.seam import Cell, Died

CELLS = (Cell(1, "import numpy as np\ndef f(x):\n    return x + 1\n"),)


# ---- life and death


def test_a_template_forks_workers_and_leaves_nothing_behind():
    with Template("cnncourse.neighbors") as template:
        process, copy = template._process, template._copy
        assert not (copy / "package" / "cnncourse" / "neighbors").exists()
        assert not list(copy.rglob("_fast.py"))
        assert not list(copy.rglob("labs"))
        backend, other = template.start(CELLS), template.start(CELLS)
        assert backend.request("call", name="f", args=(1,)).value == 2
        assert other.request("call", name="f", args=(1,)).value == 2
        assert backend._init != other._init
        assert set(template.in_force) >= {"isolation", "files", "network", "user", "memory", "processes"}
    assert process.poll() is not None
    assert not copy.exists()
    backend.close()


def test_workers_end_with_the_grader(tmp_path):
    """Also when it is killed and can tell nobody."""
    code = """
        import os, sys
        from cnncourse.grading.isolation.template import Template
        from cnncourse.grading.seam import Cell
        with Template("cnncourse.neighbors") as template:
            backend = template.start((Cell(1, "import time\\ndef f():\\n    time.sleep(1000)"),))
            backend.problems()
            print(template._process.pid, flush=True)
            backend.request("call", name="f", seconds=100)
    """
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    grader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, env=environment
    )
    pid = int(grader.stdout.readline())
    below = _below(pid)
    assert len(below) >= 2  # the init and the worker
    grader.kill()
    grader.wait()
    grader.stdout.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(_alive(other) for other in (pid, *below)):
        time.sleep(0.05)
    assert not any(_alive(other) for other in (pid, *below))


def _alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def _below(parent):
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


def test_an_unknown_isolation_is_refused():
    with pytest.raises(ValueError, match="auto, strict or none"):
        Template("cnncourse.neighbors", isolation="loose")


def test_what_a_submission_mentions_is_imported_once_in_the_template(isolated):
    text = "import matplotlib.pyplot as plt\nfrom PIL import Image\nimport antigravity\nfrom torch import distributed"
    backend = isolated.start((Cell(1, text),))
    assert {"matplotlib.pyplot", "PIL.Image"} <= isolated._preloaded
    assert not any(
        name.startswith(("antigravity", "torch.distributed", "cnncourse.grading"))
        for name in isolated._preloaded
    )
    backend.close()


def test_a_template_that_dies_says_so(tmp_path):
    with Template("cnncourse.neighbors", isolation="none") as template:
        template._process.kill()
        template._process.wait()
        with pytest.raises(RuntimeError, match="template process"):
            template.start(CELLS).problems()


# ---- without bubblewrap, without namespaces, without root


def test_without_bubblewrap_the_same_is_built_by_hand(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, *rest: None)
    look = "import os\ndef look():\n    return os.listdir('/'), [p for p in os.listdir('/proc') if p.isdigit()]\n"
    try:
        template = Template("cnncourse.neighbors", isolation="strict").__enter__()
    except IsolationError as error:
        pytest.skip(f"namespaces: {error}")
    with template:
        assert template.in_force["isolation"].startswith("namespaces for each submission")
        backend = template.start(
            (*CELLS, Cell(2, look), Cell(3, "import cnncourse.neighbors"), Cell(4, "import statistics"))
        )
        assert [problem.cell for problem in backend.problems().problems] == [3]
        root, processes = backend.request("call", name="look").value
        assert {"home", "var", "run", "boot"} & set(root) == set()
        assert len(processes) == 1
        backend.close()


FALLBACK = """
    import os, sys, time
    from cnncourse.grading.isolation import sandbox, seccomp
    from cnncourse.grading.seam import Died
    from cnncourse.grading.seam import Cell
    from cnncourse.grading.isolation.template import IsolationError, Template

    sandbox._libc.prctl(38, 1, 0, 0, 0)
    # from here on this process can make no namespaces, as in a container
    seccomp.install(seccomp.SIGNALS | {"socketpair"})
    try:
        Template("cnncourse.neighbors", isolation="strict").__enter__()
    except IsolationError as error:
        print("refused:", error)
    daemon = '''
    import os, time
    def f(x):
        return x + 1
    def leave():
        for _ in range(3):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(1000)
                os._exit(0)
        return os.getcwd()
    def loop():
        while True: pass
    '''
    with Template("cnncourse.neighbors", isolation="auto") as template:
        print(template.in_force)
        backend = template.start((Cell(1, daemon), Cell(2, "import cnncourse.neighbors")))
        print(len(backend.problems().problems), backend.request("call", name="f", args=(1,)).value)
        print(backend.request("call", name="leave").value)
        time.sleep(0.5)
        try:
            backend.request("call", name="loop", seconds=0.5)
        except Died as death:
            print(death.reason)
        scratch = str(template._copy / "scratch")
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            left += [pid] if scratch in os.readlink(f"/proc/{pid}/cwd") else []
        except OSError:
            pass
    print("left", len(left))
"""


def test_without_namespaces_there_is_a_plain_process_with_limits():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FALLBACK)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    refused, in_force, values, folder, died, left = done.stdout.splitlines()
    assert "Operation not permitted" in refused
    assert "cnncourse doctor" in refused
    assert "plain process with limits" in in_force
    assert "missing" in in_force
    assert "'files': 'not separated'" in in_force
    assert values == "1 2"
    assert "scratch" in folder
    assert "did not answer" in died
    assert left == "left 0"


def test_isolation_none_grades_all_the_same():
    with Template("cnncourse.neighbors", isolation="none") as template:
        assert "plain process" in template.in_force["isolation"]
        backend = template.start((*CELLS, Cell(2, "def leave():\n    __import__('os')._exit(0)")))
        np.testing.assert_array_equal(backend.request("call", name="f", args=(np.arange(2),)).value, [1, 2])
        with pytest.raises(Died):
            backend.request("call", name="leave")
        assert backend.request("call", name="f", args=(1,)).value == 2
        backend.close()


NOT_ROOT = """
    set -e
    mount --make-rprivate /
    if [ -n "$TOP" ]; then  # Python lies where only root can read: show it to others, in these mounts alone
        mkdir "$PLACE/python"
        mount --bind "$PYTHON" "$PLACE/python"
        mount -t tmpfs -o mode=755 tmpfs "$TOP"
        mkdir -p "$PYTHON"
        mount --move "$PLACE/python" "$PYTHON"
    fi
    exec setpriv --reuid 12345 --regid 12345 --clear-groups "$@"
"""
AS_ANYBODY = """
    import os, sys
    from cnncourse.grading.seam import Cell
    from cnncourse.grading.isolation.template import Template
    with Template("cnncourse.neighbors", isolation="strict") as template:
        print(template.in_force["isolation"])
        text = "import os\\ndef f():\\n    return os.getuid(), len([p for p in os.listdir('/proc') if p.isdigit()])"
        backend = template.start((Cell(1, text),))
        print(*backend.request("call", name="f").value)
        status = open("/proc/%d/status" % max(int(p) for p in os.listdir("/proc") if p.isdigit())).read()
        backend.close()
"""


@pytest.mark.parametrize("bubblewrap", [True, False])
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody else"
)
def test_anybody_can_grade_in_isolation(tmp_path, bubblewrap):
    top = next((str(p) for p in reversed(Path(sys.base_prefix).parents) if not p.stat().st_mode & 0o1), "")
    if bubblewrap and not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed")
    (tmp_path / "home").mkdir(mode=0o777)
    (tmp_path / "home").chmod(0o777)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | 0o055)
    code = textwrap.dedent(AS_ANYBODY)
    if not bubblewrap:
        code = "import shutil; shutil.which = lambda name: None\n" + code
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", textwrap.dedent(NOT_ROOT), "sh", sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "TOP": top, "PYTHON": sys.base_prefix, "PLACE": str(tmp_path),
             "TMPDIR": str(tmp_path / "home"), "HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if "IsolationError" in done.stderr:
        pytest.skip("users cannot make namespaces here: " + done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr[-2000:]
    isolation, values = done.stdout.splitlines()
    assert isolation.startswith("bubblewrap" if bubblewrap else "namespaces")
    assert values == "12345 1"


# ---- CUDA, as far as it goes without a device


def test_on_cuda_a_worker_is_spawned_and_its_address_space_free(monkeypatch):
    """Workers for ``device="cuda"`` work without a GPU; only tensors cannot be put there."""
    monkeypatch.setattr(backend_module, "LOADING_SECONDS", 1.0)  # importing torch takes longer
    with Template("cnncourse.neighbors", device="cuda") as template:
        text = "import resource as r, sys\ndef f():\n    return r.getrlimit(r.RLIMIT_AS)[0], sys.orig_argv[1:3]\n"
        backend = template.start((*CELLS, Cell(2, text)))
        space, arguments = backend.request("call", name="f").value
        assert space == -1
        assert arguments == ["-s", "-c"]
        assert "watched" in template.in_force["memory"]
        assert backend.request("call", name="f", args=(1,)).error is not None
        backend.close()
