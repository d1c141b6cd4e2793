"""The process that workers are forked from: it has imported what submissions import.

It has neither tests nor solutions nor the modules that hold answers, and nothing of a submission runs in it.
"""

import contextlib
import gc
import importlib
import importlib.abc
import json
import os
import signal
import socket
import sys
from typing import Any

from cnncourse.grading.isolation import sandbox
from cnncourse.grading.isolation.init import Conditions, Init, tell
from cnncourse.grading.isolation.sandbox import Limits
from cnncourse.grading.seam import MESSAGE


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


def serve(descriptor: int) -> None:
    """The template process: takes orders from the grader on this socket until it closes."""
    orders = socket.socket(fileno=descriptor)
    settings = json.loads(orders.recv(MESSAGE))
    mode = settings["mode"]
    if mode == "namespaces":
        sandbox.enter(sandbox.View(*(tuple(map(_tuple, part)) for part in settings["view"])))
    limits = Limits(**settings["limits"])
    conditions = Conditions(mode, settings["device"], limits, settings["scratch"])
    forker = Forker(conditions, settings["uid_range"])
    sandbox.set_dumpable(False)
    sys.meta_path.insert(0, Hidden(settings["hidden"]))
    orders.send(json.dumps(forker.try_out()).encode())
    while True:
        message, descriptors, *_ = socket.recv_fds(orders, MESSAGE, 2)
        if not message:
            forker.finish()
        order = json.loads(message)
        answer = getattr(forker, order.pop("do"))(*descriptors, **order)
        for descriptor in descriptors:
            os.close(descriptor)
        orders.send(json.dumps(answer).encode())


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class Forker:
    """Forks workers, and ends them."""

    def __init__(self, conditions: Conditions, uids: list[int] | None):
        self.conditions, self.mode = conditions, conditions.mode
        self.uids = uids  # None: workers keep the user
        self.own_process_ids = os.open("/proc/self/ns/pid", os.O_RDONLY) if self.mode != "none" else None

    def try_out(self) -> dict:
        """Whether a child can have namespaces of its own here; before anything expensive is done."""
        child = None
        try:
            child = self._fork()
            if child == 0:
                code = 1
                try:
                    if self.mode != "none":
                        sandbox.separate(self.conditions.limits)
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
                Init(self.conditions, channel, report, uid, space).run()
            except BaseException as error:
                tell(report, failed=f"{type(error).__name__}: {error}"[:500])
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
