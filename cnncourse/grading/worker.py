"""The processes behind the channel: the template, and for each submission an init and a worker.

The template imports what submissions import, and forks. The init is the first process of the worker's process ids: it
builds the rest of the sandbox, watches the worker, and takes everything with it when it goes. The worker runs the
submission. None of them has tests, solutions or the modules that hold answers.
"""

import contextlib
import gc
import importlib
import importlib.abc
import json
import os
import re
import select
import signal
import socket
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from cnncourse.grading import sandbox
from cnncourse.grading.sandbox import Limits

MESSAGE = 2**16  # bytes of the largest message between grader and template
CLOSED = 99  # the status of a worker that has lost its channel


class Hidden(importlib.abc.MetaPathFinder):
    """Says why the modules that hold a lab's answers cannot be imported. (They are not there.)"""

    def __init__(self, names: list[str]):
        self.names = frozenset(names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raises ModuleNotFoundError for a hidden module; leaves all others to the next finder."""
        if name in self.names:
            text = (
                f"{name} is hidden while this lab is graded: what counts is the function you wrote yourself"
            )
            raise ModuleNotFoundError(text)  # with a name ``from package import module`` would word it anew


# ---- the template


def serve(descriptor: int) -> None:
    """The template process: takes orders from the grader on this socket until it closes."""
    orders = socket.socket(fileno=descriptor)
    settings = json.loads(orders.recv(MESSAGE))
    limits, mode, device = Limits(**settings["limits"]), settings["mode"], settings["device"]
    if mode == "namespaces":
        sandbox.enter(sandbox.View(*(tuple(map(_tuple, part)) for part in settings["view"])))
    template = Template(mode, device, limits, settings["uid_range"], settings["scratch"])
    sandbox.set_dumpable(False)
    sys.meta_path.insert(0, Hidden(settings["hidden"]))
    orders.send(json.dumps(template.try_out()).encode())
    while True:
        message, descriptors, *_ = socket.recv_fds(orders, MESSAGE, 2)
        if not message:
            template.finish()
        order = json.loads(message)
        answer = getattr(template, order.pop("do"))(*descriptors, **order)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(json.dumps(answer).encode())


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Template:
    """Forks workers, and ends them."""

    def __init__(self, mode: str, device: str, limits: Limits, uids: list[int] | None, scratch: str | None):
        self.mode, self.device, self.limits, self.scratch = mode, device, limits, scratch
        self.uids = uids  # None: workers keep the user
        self.own_process_ids = os.open("/proc/self/ns/pid", os.O_RDONLY) if mode != "none" else None

    def try_out(self) -> dict:
        """Whether a child can have namespaces of its own here; before anything expensive is done."""
        child = None
        try:
            child = self._fork()
            if child == 0:
                code = 1
                try:
                    if self.mode != "none":
                        sandbox.separate(self.limits)
                    code = 0
                except OSError as error:
                    code = error.errno or 1
                finally:
                    os._exit(code)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            return {"refused": os.strerror(code) if code > 0 else f"signal {-code}"} if code else {}
        except OSError as error:
            return {"refused": str(error)}

    def preload(self, modules: list[str]) -> dict:
        """Imports modules, so that workers forked from now on have them. Returns what failed."""
        failed = {}
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception as error:
                failed[name] = f"{type(error).__name__}: {error}"[:500]
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        gc.collect()
        gc.freeze()  # the collector leaves these objects, and so their pages, alone
        return failed

    def start(self, channel: int, report: int) -> dict:
        """Forks an init, which forks a worker. Both ends of the grader's are in their hands then."""
        space = sandbox.address_space()
        uid = None
        if self.uids is not None:
            first, count = self.uids
            uid = first + int.from_bytes(os.urandom(4), "big") % count
        init = self._fork()
        if init == 0:
            try:
                Init(self, channel, report, uid, space).run()
            except BaseException as error:
                _tell(report, failed=f"{type(error).__name__}: {error}"[:500])
            finally:
                os._exit(1)
        return {"init": init}

    def stop(self, init: int) -> dict:
        """Ends a worker with everything that it started. When this returns, it is gone."""
        if self.mode != "none":  # otherwise the init hunts them down when the grader has let go of it
            os.kill(init, signal.SIGKILL)
        os.waitpid(init, 0)
        return {}

    def finish(self) -> None:
        """Ends the template when its workers have ended, now that the grader has let go of all of them."""
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        os._exit(0)

    def _fork(self) -> int:
        if self.own_process_ids is not None:
            sandbox.new_process_ids(self.own_process_ids)
        return os.fork()


# ---- the init


class Init:
    """Watches one worker; ends with it, or when the grader closes ``report``, or when it takes too much memory."""

    def __init__(self, template: Template, channel: int, report: int, uid: int | None, space: int):
        self.template, self.channel, self.report, self.uid, self.space = template, channel, report, uid, space

    def run(self) -> None:
        """Never returns."""
        sandbox.die_with_parent()
        _close_all_but(self.channel, self.report)
        os.setsid()
        if self.template.mode != "none":
            sandbox.separate(self.template.limits)
        else:
            sandbox.adopt_orphans()
            os.chdir(self.template.scratch)
        worker = os.fork()
        if worker == 0:
            self._become_worker()
        os.close(self.channel)
        why = self._watch(worker)
        if self.template.mode == "none":
            self._end_descendants()
        _tell(self.report, **why)
        os._exit(0)

    def _watch(self, worker: int) -> dict:
        handle = os.pidfd_open(worker)
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(self.report, select.POLLIN)
        while True:
            ready = dict(poll.poll(100))
            if handle in ready:
                return {"status": os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])}
            if self.report in ready:
                return {}
            if self._memory() > self.template.limits.total_memory:
                return {"memory": self.template.limits.total_memory}
            _reap(but=worker)

    def _memory(self) -> int:
        """Resident bytes of all processes here, beyond what each has from the template."""
        inherited = _resident("self")
        return sum(max(0, _resident(pid) - inherited) for pid in self._processes())

    def _processes(self) -> list[str]:
        if self.template.mode == "none":
            return _children(os.getpid())
        return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]

    def _become_worker(self) -> None:
        try:
            self._lock_up()
        except BaseException as error:
            _tell(self.report, failed=f"{type(error).__name__}: {error}"[:500])
            os._exit(1)
        os.close(self.report)
        try:
            if self.template.device == "cuda":  # CUDA does not survive a fork
                os.set_inheritable(self.channel, True)
                code = f"from cnncourse.grading.worker import work; work({self.channel}, 'cuda')"
                os.execv(sys.executable, [sys.executable, "-s", "-c", code])
            work(self.channel, self.template.device)
        finally:
            os._exit(1)

    def _lock_up(self) -> None:
        """Gives up what a submission must not have. The order matters: limits and filter bind their installer."""
        limits, device = self.template.limits, self.template.device
        sandbox.drop_privileges(self.uid)
        sandbox.die_with_parent()
        sandbox.set_dumpable(self.template.mode != "none")
        space = None if device == "cuda" else self.space + limits.memory
        sandbox.limit(limits, space, limits.processes + _processes_of_user(self.uid))
        sandbox.refuse_system_calls(device, signals=self.template.mode == "none")

    def _end_descendants(self) -> None:
        """Without process ids of their own they are hunted down: whatever runs was adopted by this process."""
        for _ in range(1000):
            children = _children(os.getpid())
            if not children:
                return
            for pid in children:
                os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.001)
            _reap()


def _resident(pid: str) -> int:
    """Bytes of memory that belong to a process and not to a file. 0 when it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    sizes = re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status, re.MULTILINE)
    return 1024 * sum(map(int, sizes))


def _children(parent: int) -> list[str]:
    """Process ids of the living children of a process."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, ppid = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if int(ppid) == parent and state not in "ZX":
            found.append(name)
    return found


def _processes_of_user(uid: int | None) -> int:
    """How many threads this user has already: the limit counts them all, and its own must come on top."""
    if uid is not None:
        return 0
    threads = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == os.getuid():
                threads += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return threads


def _reap(but: int | None = None) -> None:
    """Takes leave of orphans that have ended: they count as processes until somebody does."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == but:
            return
        os.waitpid(ended.si_pid, 0)


def _close_all_but(*kept: int) -> None:
    """Closes what was inherited; reading gives nothing, and what is written goes nowhere."""
    nowhere = os.open("/dev/null", os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 2**16)


def _tell(report: int, **message: Any) -> None:
    try:
        os.write(report, json.dumps(message).encode())
    except OSError:
        pass  # the grader is gone


# ---- the worker


def work(descriptor: int, device: str) -> None:
    """The worker process: loads the submission's cells and carries out requests. Never returns."""
    from cnncourse.grading import wire
    from cnncourse.grading.channel import Channel, Closed
    from cnncourse.grading.session import Session
    from cnncourse.grading.submission import new_definitions

    channel = Channel(socket.socket(fileno=descriptor))
    definitions = new_definitions()
    session = Session(definitions.namespace, definitions.skipped, definitions.cells)
    devices = ("cpu", device) if device != "cpu" else ("cpu",)
    loading = Loading(definitions)
    try:
        while True:
            id, op, payload = wire.decode_request(channel.receive(), devices)
            handler = loading if op in Loading.operations else session
            channel.send(session.frame(id, partial(handler.handle, op, payload)))
    except Closed:
        os._exit(CLOSED)


class Loading:
    """The requests that come before any other: the cells, one by one, and what became of them."""

    operations = frozenset({"define", "give_up", "loaded"})

    def __init__(self, definitions):
        self.definitions = definitions

    def handle(self, op: str, payload: dict[str, Any]) -> Any:
        """Carries out one request."""
        from cnncourse.grading.backend import Reply

        return Reply(getattr(self, op)(**payload))

    def define(self, number: int | None, text: str) -> None:
        """Runs the definitions of a cell."""
        from cnncourse.grading.session import quiet
        from cnncourse.grading.submission import Cell

        with quiet():
            self.definitions.define(Cell(number, text))

    def give_up(self, number: int | None, text: str, reason: str) -> None:
        """Runs nothing of a cell that has killed a worker; its names are missing for this reason."""
        from cnncourse.grading.submission import Cell

        self.definitions.give_up(Cell(number, text), reason)

    def loaded(self) -> dict[str, Any]:
        """What loading found, as ``backend.Problems`` has it."""
        problems = [asdict(problem) for problem in self.definitions.problems[:1000]]
        return {"problems": problems, "skipped": self.definitions.skipped, "names": self.definitions.names()}
