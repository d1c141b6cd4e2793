"""The grader's side of isolation: starts the template process, has workers forked, and talks to them.

with Template("cnncourse.neighbors") as template:
    backend = template.start(submission.read("lab.ipynb").cells)
    backend.request("call", name="l1_distances", args=(a, b))
"""

import ast
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnncourse import arithmetic
from cnncourse.grading import sandbox, seccomp, wire
from cnncourse.grading.backend import CALL_SECONDS, Died, Problem, Problems, Reply
from cnncourse.grading.channel import Channel, Closed, Late
from cnncourse.grading.sandbox import GIB, Limits
from cnncourse.grading.submission import Cell
from cnncourse.grading.wire import WireError
from cnncourse.grading.worker import CLOSED, MESSAGE

START_SECONDS = 120.0  # importing torch from a cold disk
LOAD_SECONDS = 10.0  # for one cell: it may import something large
LOADING_SECONDS = 30.0  # for all cells together
SUBMISSION_SECONDS = 900.0  # for all that is asked of it: a lab of endless loops takes half

# Modules that the template imports as soon as a submission mentions them: a fixed list of harmless ones.
PRELOAD = (
    *("matplotlib", "matplotlib.pyplot", "PIL", "PIL.Image", "PIL.ImageDraw", "scipy", "sklearn", "skimage"),
    *("torchvision", "torchvision.ops", "torchvision.transforms", "torch.nn.functional"),
)
_ALWAYS = (
    "torch",
    "numpy",
    "numpy.random",
    "cnncourse.grading.submission",
    "cnncourse.grading.channel",
    "cnncourse.grading.session",
)
_GRADING = ("backend", "channel", "sandbox", "seccomp", "session", "submission", "wire", "worker")
_STUB = "def check(*names, **options):\n    pass  # a notebook checks nothing while it is graded\n"


_open: set["Template"] = set()  # while one is, nobody may trace this process


class IsolationError(Exception):
    """Isolation was demanded and is not to be had here; the message says what is missing."""


def hidden_modules(*sources: str) -> tuple[str, ...]:
    """The modules that hold, or lead to, the answers of a lab.

    These are the library modules ``sources`` themselves, their private siblings (``_neighbors_fast`` beside
    ``neighbors``), what lies below them, and every module of the package that imports one of these.
    """
    imports = {name: _imports(path, name) for name, path in _package_modules().items()}
    hidden = set(sources)
    for source in sources:
        parent, _, last = source.rpartition(".")
        hidden |= {name for name in imports if name.startswith((source + ".", f"{parent}._{last}"))}
    while found := {name for name, mentioned in imports.items() if mentioned & hidden} - hidden:
        hidden |= found
    packages = {source.partition(".")[0] for source in sources}
    kept = packages | {f"{package}.grading" for package in packages}
    return tuple(sorted(hidden - kept))


def _package_modules() -> dict[str, Path]:
    root = Path(__file__).resolve().parents[1]
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if "labs" not in parts:
            modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def _imports(path: Path, name: str) -> set[str]:
    """Every dotted name that a module's source may import, in functions too."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [base, node.module]))
            found |= {origin, *(f"{origin}.{alias.name}" for alias in node.names)}
    return found


class Template:
    """A process that has imported what submissions need, from which workers are forked. A context manager.

    Args:
        answers: the library modules whose functions are the exercises; they and what imports them are hidden.
        isolation: "auto" takes the best there is, "strict" refuses to do without namespaces, "none" is a plain
            process with limits.
        device: "cpu" or "cuda".

    Attributes:
        in_force: what keeps submissions apart, as lines of a report: what -> how.
    """

    def __init__(
        self, *answers: str, isolation: str = "auto", device: str = "cpu", limits: Limits | None = None
    ):
        if isolation not in ("auto", "strict", "none"):
            raise ValueError(f"isolation is auto, strict or none, not {isolation!r}")
        self.hidden = hidden_modules(*answers)
        self.isolation, self.device, self.limits = isolation, device, limits or Limits()
        self.in_force: dict[str, str] = {}
        self._lock = threading.Lock()
        self._preloaded: set[str] = set()
        self._copy: Path | None = None
        self._backends: weakref.WeakSet[IsolatedBackend] = weakref.WeakSet()
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Template":
        self._copy = Path(tempfile.mkdtemp(prefix="cnncourse-grading-"))
        try:
            self._write_copy()
            _open.add(self)
            sandbox.set_dumpable(False)
            self._launch_best()
            if failed := self._order(do="preload", modules=list(_ALWAYS), seconds=START_SECONDS):
                raise RuntimeError(f"The grader's template process cannot import what it needs: {failed}")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, cells: Sequence[Cell]) -> "IsolatedBackend":
        """A backend for a submission. Its worker is forked when it is first needed."""
        self._preload(cells)
        backend = IsolatedBackend(self, tuple(cells))
        self._backends.add(backend)
        return backend

    def close(self) -> None:
        """Ends the template with all its workers, and removes what it put on disk."""
        if self._process is not None:
            for backend in list(self._backends):
                with contextlib.suppress(RuntimeError):  # the template has ended, and its workers with it
                    backend.close()
            self._orders.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)
            self._copy = None
        _open.discard(self)
        sandbox.set_dumpable(not _open)

    # ---- the template process

    def _launch_best(self) -> None:
        modes = [] if self.isolation == "none" else ["namespaces"]
        if modes and shutil.which("bwrap"):
            modes.insert(0, "bubblewrap")
        if self.isolation != "strict":
            modes.append("none")
        refusals = []
        for mode in modes:
            refused = self._launch(mode)
            if refused is None:
                self.in_force = self._report(mode, refusals)
                return
            refusals.append(f"{mode}: {refused}")
        raise IsolationError(
            "This system does not let the grader make namespaces, without which a submission is not kept apart "
            f"({'; '.join(refusals)}). `cnncourse doctor` says what to do; --isolation auto grades all the same."
        )

    def _launch(self, mode: str) -> str | None:
        """Starts the process in one way. Returns why that is not possible, or None."""
        view = sandbox.view(self._copy, self.device)
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        code = f"from cnncourse.grading.worker import serve; serve({theirs.fileno()})"
        wrapper = sandbox.bubblewrap(view) if mode == "bubblewrap" else []
        log = self._copy / "template.log"
        with theirs, log.open("wb") as errors:
            self._process = subprocess.Popen(
                [*wrapper, sys.executable, "-s", "-c", code],
                env=self._environment(mode),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                start_new_session=True,
            )
        self._orders.settimeout(START_SECONDS)
        try:
            self._orders.send(json.dumps(self._settings(mode, view)).encode())
            answer = json.loads(self._orders.recv(MESSAGE) or b'{"refused": ""}')
        except OSError:
            answer = {"refused": ""}
        if "refused" not in answer:
            return None
        self._orders.close()
        self._process.kill()
        self._process.wait()
        self._process = None
        lines = log.read_text(errors="replace").strip().splitlines()
        return answer["refused"] or (lines[-1] if lines else "it does not start")

    def _settings(self, mode: str, view: sandbox.View) -> dict[str, Any]:
        return {
            "mode": mode,
            "device": self.device,
            "hidden": self.hidden,
            "limits": asdict(self.limits),
            "uid_range": self._uid_range(mode),
            "scratch": str(self._copy / "scratch"),
            "view": [view.binds, view.links, view.devices],
        }

    def _uid_range(self, mode: str) -> tuple[int, int] | None:
        """User ids for workers when started as root: above those of people and services, within what is mapped."""
        if os.geteuid() != 0:
            return None
        if mode == "none" and not _readable_by_all():
            return None  # Python itself lies where only root may read
        mapped = int(Path("/proc/self/uid_map").read_text().split()[2])
        return (40_000, 20_000) if mapped > 60_000 else None

    def _environment(self, mode: str) -> dict[str, str]:
        scratch = str(self._copy / "scratch") if mode == "none" else sandbox.SCRATCH
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": scratch,
            "TMPDIR": scratch,
            "USER": "student",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(self._copy / "package"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "agg",
            **dict.fromkeys(threads, "1"),
        }
        # what sums come out as is to be the same on both sides of the channel
        kept = ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", *(set(arithmetic.VARIABLES) - environment.keys()))
        return environment | {name: os.environ[name] for name in kept if name in os.environ}

    def _write_copy(self) -> None:
        """What a worker may import of this package, and the few files that make its /etc."""
        package = self._copy / "package"
        root = Path(__file__).resolve().parents[1]
        for name, path in _package_modules().items():
            target = package / path.relative_to(root.parent)
            grading = name.startswith("cnncourse.grading.")
            if name in self.hidden or any(name.startswith(hidden + ".") for hidden in self.hidden):
                continue
            if grading and name.rpartition(".")[2] not in (*_GRADING, "check"):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            stub = name in ("cnncourse.grading", "cnncourse.grading.check")
            target.write_text(_STUB if stub else path.read_text(encoding="utf-8"), encoding="utf-8")
        (self._copy / "empty").mkdir()
        (self._copy / "scratch").mkdir()
        (self._copy / "passwd").write_text("student:x:65534:65534:student:/scratch:/bin/false\n")
        (self._copy / "group").write_text("student:x:65534:\n")
        for path in [self._copy, *self._copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        (self._copy / "scratch").chmod(0o1777)

    def _report(self, mode: str, refusals: list[str]) -> dict[str, str]:
        apart = {
            "bubblewrap": "bubblewrap, and namespaces for each submission inside it",
            "namespaces": "namespaces for each submission (bubblewrap is not installed)",
            "none": "a plain process with limits: it can read what its user can read",
        }[mode]
        if mode == "namespaces" and refusals:
            apart = f"namespaces for each submission ({refusals[0]})"
        limits = self.limits
        memory = f"{limits.memory / GIB:g} GB a process, {limits.total_memory / GIB:g} GB together"
        own = self._uid_range(mode) is not None
        return {
            "isolation": apart,
            "files": "a private, read-only view" if mode != "none" else "not separated",
            "network": "none"
            if mode != "none"
            else "system calls refused"
            if seccomp.supported()
            else "NOT SEPARATED",
            "user": "one of its own for each submission" if own else "the grader's user, without privileges",
            "system calls": "filtered" if seccomp.supported() else "not filtered on this machine",
            "memory": memory if self.device == "cpu" else f"{limits.total_memory / GIB:g} GB, watched",
            "processes": str(limits.processes),
        } | ({"missing": "; ".join(refusals)} if refusals and mode == "none" else {})

    def _preload(self, cells: Sequence[Cell]) -> None:
        """Has the template import what these cells mention, so that it is imported once and not in every worker."""
        own = [name for name in _package_modules() if name not in self.hidden and ".grading" not in name]
        known = {*PRELOAD, *(name for name in own if name.partition(".")[2] in ("visualize", "data"))}
        known |= {name for name in own if name.startswith(("cnncourse.visualize.", "cnncourse.data."))}
        text = "\n".join(cell.text for cell in cells)
        words = set(re.findall(r"^[ \t]*(?:import|from)[ \t]+([\w.]+)", text, re.MULTILINE))
        words |= {
            f"{base}.{name}"
            for base, names in re.findall(
                r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+([\w, ]+)", text, re.MULTILINE
            )
            for name in re.findall(r"\w+", names)
        }
        with self._lock:
            wanted = sorted((words & known) - self._preloaded)
            self._preloaded |= set(wanted)
        if wanted:
            self._order(do="preload", modules=wanted, seconds=START_SECONDS)

    def _order(
        self, do: str, seconds: float, descriptors: tuple[int, ...] = (), **details: Any
    ) -> dict[str, Any]:
        with self._lock:
            self._orders.settimeout(seconds)
            message = json.dumps({"do": do, **details}).encode()
            try:
                socket.send_fds(self._orders, [message], descriptors)
                answer = self._orders.recv(MESSAGE)
            except OSError as error:
                raise RuntimeError(f"The grader's template process does not answer ({error}).") from None
        if not answer:
            log = (self._copy / "template.log").read_text(errors="replace").strip()[-500:]
            raise RuntimeError(f"The grader's template process ended: {log}")
        return json.loads(answer)


def _readable_by_all() -> bool:
    """Whether every user can read Python and its packages."""
    paths = {Path(sys.executable).resolve(), Path(os.__file__), Path(wire.np.__file__)}
    return all(folder.stat().st_mode & 0o5 == 0o5 for path in paths for folder in path.parents)


class IsolatedBackend:
    """A submission in a worker process of its own. See ``backend.Backend``."""

    def __init__(self, template: Template, cells: tuple[Cell, ...]):
        self._template, self._cells = template, cells
        self._devices = ("cpu", template.device) if template.device != "cpu" else ("cpu",)
        self._deadly: dict[int, str] = {}  # cells that killed the worker, by position, and how
        self._unreadable: set[int] = set()  # ... even when they were only parsed
        self._problems: Problems | None = None
        self._channel: Channel | None = None
        self._asked = 0
        self._left = SUBMISSION_SECONDS
        self._hopeless = ""  # why no further worker is tried

    def request(self, op: str, *, seconds: float = CALL_SECONDS, **payload: Any) -> Reply:
        """One request, one reply; see ``backend.Backend`` for the operations. Raises Died."""
        if self._channel is None:
            self.restart()
        return self._request(op, seconds, payload)

    def problems(self) -> Problems:
        """What loading found. Raises Died when the submission could not even be loaded alive."""
        if self._problems is None:
            self.restart()
        return self._problems

    def restart(self) -> None:
        """A fresh worker with the same submission. Cells that kill the worker are left out."""
        deadline = time.monotonic() + LOADING_SECONDS
        while not self._hopeless:
            self.close()
            deadline += self._start()  # starting is no fault of the submission
            position = self._load(deadline)
            if position is None:
                return
            if time.monotonic() > deadline:
                self._hopeless = f"could not be loaded within {LOADING_SECONDS:g} s"
            elif len(self._deadly) > 3:
                self._hopeless = f"could not be loaded: cell after cell {self._deadly[position]}"
        raise Died(self._hopeless)

    def close(self) -> None:
        """Ends the worker and everything that it started."""
        if self._channel is None:
            return
        self._channel.close()
        self._report.close()
        self._channel = None
        self._template._order("stop", 30, init=self._init)

    # ---- loading

    def _start(self) -> float:
        """A new worker, ready for cells; the seconds it took: many on CUDA, where it imports torch anew."""
        begun = time.monotonic()
        ours, channel = socket.socketpair()
        self._report, report = socket.socketpair()
        with channel, report:
            answer = self._template._order("start", 30, (channel.fileno(), report.fileno()))
        self._init, self._channel = answer["init"], Channel(ours)
        if self._template.device != "cpu":
            self._request("names", START_SECONDS, {})
        return time.monotonic() - begun

    def _load(self, deadline: float) -> int | None:
        """Sends the cells. Returns the position of one that killed the worker, or None."""
        position = None
        try:
            for position, cell in enumerate(self._cells):
                seconds = min(LOAD_SECONDS, max(0.0, deadline - time.monotonic()))
                self._define(position, {"number": cell.number, "text": cell.text}, seconds)
            position = None
            reply = self._request("loaded", LOAD_SECONDS, {})
        except Died as death:
            if position is None:
                raise
            if position in self._deadly:
                self._unreadable.add(position)
            self._deadly[position] = death.reason
            return position
        self._problems = self._read_problems(reply.value)
        return None

    def _define(self, position: int, cell: dict[str, Any], seconds: float) -> None:
        if position in self._unreadable:
            return
        if position in self._deadly:
            reason = f"the cell that defines it {self._deadly[position]}"
            self._request("give_up", seconds, {**cell, "reason": reason})
        else:
            self._request("define", seconds, cell)

    def _read_problems(self, value: Any) -> Problems:
        try:
            value = _exactly(dict, value)
            problems = [_problem(fields) for fields in _exactly(list, value["problems"])]
            skipped = _exactly(dict, value["skipped"])
            names = tuple(_exactly(list, value["names"]))
            if not all(
                type(text) is str and len(text) <= wire.MAX_TEXT for text in (*skipped.values(), *names)
            ):
                raise WireError("not names")
        except (WireError, KeyError, TypeError) as error:
            self._die(f"answered nonsense while it was loaded ({error})")
        for position, how in self._deadly.items():
            cell = self._cells[position]
            problems.append(Problem("definition", f"running the definitions of this cell {how}", cell.number))
        return Problems(tuple(problems), skipped, names)

    # ---- one exchange

    def _request(self, op: str, seconds: float, payload: dict[str, Any]) -> Reply:
        started = time.monotonic()
        deadline = started + min(seconds, self._left)
        self._asked += 1
        frame = wire.encode_request(self._asked, op, payload)
        try:
            if self._channel.pending():
                self._channel.receive(deadline)  # raises Closed when it has ended in the meantime
                raise WireError("a reply that nobody asked for")
            self._channel.send(frame, deadline)
            return wire.decode_reply(self._channel.receive(deadline), self._asked, self._devices)
        except Late:
            if seconds >= self._left:
                self._hopeless = f"took more than {SUBMISSION_SECONDS / 60:g} minutes for all tests together"
                self._die(self._hopeless)
            self._die(f"did not answer within {seconds:.2g} s: an endless loop, or very slow code")
        except Closed:
            self._die(self._cause())
        except WireError as error:
            self._die(f"tampered with its connection to the grader ({error})")
        finally:
            self._left = max(0.0, self._left - (time.monotonic() - started))

    def _die(self, reason: str) -> None:
        self.close()
        raise Died(reason)

    def _cause(self) -> str:
        """Why the worker ended, as its init saw it."""
        self._report.settimeout(2)
        try:
            report = json.loads(self._report.recv(MESSAGE) or b"{}")
        except (OSError, ValueError):
            report = {}
        if "failed" in report:
            raise RuntimeError(f"The sandbox cannot be set up: {report['failed']}")
        if "memory" in report:
            return f"used more than {report['memory'] / GIB:g} GB of memory"
        status = report.get("status")
        if status in (None, CLOSED):
            return "closed its connection to the grader"
        if status >= 0:
            return "ended the program (`sys.exit`, `os._exit`, `quit` or `exit`)"
        return _SIGNALS.get(-status, f"was ended by signal {-status}")


_SIGNALS = {
    signal.SIGSEGV: "crashed (segmentation fault): memory that is not its own, or a recursion without end",
    signal.SIGBUS: "crashed (bus error)",
    signal.SIGABRT: "aborted",
    signal.SIGFPE: "crashed (floating point exception)",
    signal.SIGKILL: "was killed",
    signal.SIGXCPU: "used up its processor time",
    signal.SIGXFSZ: "wrote a file that is too large",
    signal.SIGSYS: "used a system call that is not allowed",
}


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind or len(value) > 10_000:
        raise WireError(f"not a {kind.__name__}")
    return value


def _problem(fields: Any) -> Problem:
    if type(fields) is not dict or fields.keys() != set(Problem.__dataclass_fields__):
        raise WireError("not a problem")
    wire.check_texts(fields, required=("kind", "message"), optional=("source",))
    wire.check_places(fields)
    return Problem(**fields)
