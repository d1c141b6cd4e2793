"""The first process of a worker's process ids.

It builds the rest of the sandbox, watches the worker, and takes everything with it when it goes.
"""

import json
import os
import re
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnncourse.grading.isolation import sandbox
from cnncourse.grading.isolation.sandbox import Limits


@dataclass(frozen=True)
class Conditions:
    """What a worker is put into: ``mode`` is how it is kept apart, ``scratch`` its folder where there is no other."""

    mode: str
    device: str
    limits: Limits
    scratch: str | None


class Init:
    """Watches one worker; ends with it, or when the grader closes ``report``, or when it takes too much memory."""

    def __init__(self, conditions: Conditions, channel: int, report: int, uid: int | None, space: int):
        self.conditions, self.channel, self.report = conditions, channel, report
        self.uid, self.space = uid, space

    def run(self) -> None:
        """Never returns."""
        sandbox.die_with_parent()
        _close_all_but(self.channel, self.report)
        os.setsid()
        if self.conditions.mode != "none":
            sandbox.separate(self.conditions.limits)
        else:
            sandbox.adopt_orphans()
            os.chdir(self.conditions.scratch)
        worker = os.fork()
        if worker == 0:
            self._become_worker()
        os.close(self.channel)
        why = self._watch(worker)
        if self.conditions.mode == "none":
            self._end_descendants()
        tell(self.report, **why)
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
            if self._memory() > self.conditions.limits.total_memory:
                return {"memory": self.conditions.limits.total_memory}
            _reap(but=worker)

    def _memory(self) -> int:
        """Resident bytes of all processes here, beyond what each has from the template."""
        inherited = _resident("self")
        return sum(max(0, _resident(pid) - inherited) for pid in self._processes())

    def _processes(self) -> list[str]:
        if self.conditions.mode == "none":
            return children(os.getpid())
        return [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]

    def _become_worker(self) -> None:
        try:
            self._lock_up()
        except BaseException as error:
            tell(self.report, failed=f"{type(error).__name__}: {error}"[:500])
            os._exit(1)
        os.close(self.report)
        try:
            if self.conditions.device == "cuda":  # CUDA does not survive a fork
                os.set_inheritable(self.channel, True)
                code = f"from cnncourse.grading.isolation.worker import work; work({self.channel}, 'cuda')"
                os.execv(sys.executable, [sys.executable, "-s", "-c", code])
            from cnncourse.grading.isolation.worker import work  # torch with it: not before it is needed

            work(self.channel, self.conditions.device)
        finally:
            os._exit(1)

    def _lock_up(self) -> None:
        """Gives up what a submission must not have. The order matters: limits and filter bind their installer."""
        limits, device = self.conditions.limits, self.conditions.device
        sandbox.drop_privileges(self.uid)
        sandbox.die_with_parent()
        sandbox.set_dumpable(self.conditions.mode != "none")
        space = None if device == "cuda" else self.space + limits.memory
        sandbox.limit(limits, space, limits.processes + _processes_of_user(self.uid))
        sandbox.refuse_system_calls(device, signals=self.conditions.mode == "none")

    def _end_descendants(self) -> None:
        """Without process ids of their own they are hunted down: whatever runs was adopted by this process."""
        for _ in range(1000):
            left = children(os.getpid())
            if not left:
                return
            for pid in left:
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


def children(parent: int) -> list[str]:
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


def tell(report: int, **message: Any) -> None:
    try:
        os.write(report, json.dumps(message).encode())
    except OSError:
        pass  # the grader is gone
