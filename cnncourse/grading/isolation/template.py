"""The grader's side of isolation: starts the forker, and has it fork a worker for each submission.

with Template("cnncourse.neighbors") as template:
    backend = template.start(reading.read("lab.ipynb").cells)
    backend.request("call", name="l1_distances", args=(a, b))
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy

from cnncourse import arithmetic
from cnncourse.grading.isolation import sandbox, seccomp
from cnncourse.grading.isolation.backend import START_SECONDS, IsolatedBackend
from cnncourse.grading.isolation.sandbox import GIB, Limits
from cnncourse.grading.isolation.view import ALWAYS, FORKER, hidden_modules, worth_preloading, write_package
from cnncourse.grading.seam import MESSAGE, Cell

_open: set["Template"] = set()  # while one is, nobody may trace this process


class IsolationError(Exception):
    """Isolation was demanded and is not to be had here; the message says what is missing."""


class Template:
    """A process that has imported what submissions need, from which workers are forked. A context manager.

    Args:
        answers: the library modules whose functions are the exercises; they and what imports them are hidden.
        isolation: "auto" takes the best there is, "strict" refuses to do without namespaces, "none" is a plain
            process with limits.
        device: "cpu" or "cuda".

    Attributes:
        in_force: what keeps submissions apart, as lines of a report: what -> how.

    Raises:
        ValueError: there is no such isolation.
        IsolationError: on entering, with "strict": namespaces are not to be had here.
        RuntimeError: on entering: the forker does not start, or cannot import what it needs.
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
            if failed := self._order(do="preload", modules=list(ALWAYS), seconds=START_SECONDS):
                raise RuntimeError(f"The grader's template process cannot import what it needs: {failed}")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, cells: Sequence[Cell], exercises: Sequence[str] = ()) -> "IsolatedBackend":
        """A backend for a submission to these exercises. Its worker is forked when it is first needed.

        Raises RuntimeError when the forker has ended.
        """
        self._preload(cells)
        backend = IsolatedBackend(self._order, self.device, tuple(cells), tuple(exercises))
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
        code = f"from {FORKER} import serve; serve({theirs.fileno()})"
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
        write_package(self._copy / "package", self.hidden)
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
        with self._lock:
            wanted = sorted(worth_preloading(cells, self.hidden) - self._preloaded)
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
    paths = {Path(sys.executable).resolve(), Path(os.__file__), Path(numpy.__file__)}
    return all(folder.stat().st_mode & 0o5 == 0o5 for path in paths for folder in path.parents)
