"""Work side by side: interpreters of their own, one core each, none of which outlives who started it.

Not ``fork``: it would inherit the locks of torch's threads. Not ``multiprocessing``'s spawn either: it runs the main
script again, which in a script or notebook without ``if __name__ == "__main__"`` starts everything anew.
"""

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from cnncourse import arithmetic

_END_SECONDS = 10  # for a process that is idle to close what it holds


class ProcessDied(RuntimeError):
    """A process ended in the middle of its work. ``code`` is its exit status, negative for a signal."""

    def __init__(self, code: int):
        super().__init__(f"a process beside this one ended with {code} in the middle of its work")
        self.code = code


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(
    work: Callable,
    arguments: Sequence[tuple],
    jobs: int,
    lost: Callable[[int, int], Any] | None = None,
) -> Iterator[tuple[int, Any]]:
    """``work(*one)`` for each of ``arguments``, ``jobs`` at a time, each on one thread; yields what is done first.

    With one job, or one argument, everything runs in this process.

    Args:
        work: a function that can be imported; what it takes and returns is pickled.
        arguments: one tuple a call.
        jobs: processes at a time.
        lost: what stands for the result of call ``i`` whose process ended with ``code``: ``lost(i, code)``; the
            others go on, in a process more. Without it that is an error.

    Yields:
        (number of the call, its result).

    Raises:
        ProcessDied: a process ended in the middle of its work.
        Exception: what ``work`` raised.
    """
    if jobs == 1 or len(arguments) <= 1:
        yield from ((number, work(*one)) for number, one in enumerate(arguments))
        return
    waiting, idle, busy = list(range(len(arguments)))[::-1], [], {}
    try:
        while waiting or busy:
            while waiting and len(busy) < jobs:
                process = idle.pop() if idle else _Process()
                number = waiting.pop()
                process.ask(work, arguments[number])
                busy[process.connection] = process, number
            for connection in wait(list(busy)):
                process, number = busy.pop(connection)
                try:
                    done, value = connection.recv()
                except (EOFError, ConnectionError):
                    code = process.end()
                    if lost is None:
                        raise ProcessDied(code) from None
                    yield number, lost(number, code)
                    continue
                idle.append(process)
                if not done:
                    raise value
                yield number, value
    finally:
        for process, _ in busy.values():
            process.kill()
        for process in idle:
            process.end()


class _Process:
    """One interpreter that waits for work. It ends when its standard input does, also if we are killed."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        with theirs:
            code = f"from cnncourse.processes import _serve; _serve({theirs.fileno()})"
            # -P: a submission's folder, where this may have been started, is no place for modules
            command = [sys.executable, "-P", "-c", code]
            environment = os.environ | dict.fromkeys(arithmetic.THREADS, "1")
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, pass_fds=[theirs.fileno()], env=environment
            )
        self.connection = Connection(ours.detach())
        with contextlib.suppress(ConnectionError):
            self.connection.send([path for path in sys.path if path])

    def ask(self, work: Callable, arguments: tuple) -> None:
        with contextlib.suppress(ConnectionError):  # it has died: there will be no answer either
            self.connection.send((work, arguments))

    def end(self) -> int:
        """Ends an idle process, or says how one ended."""
        self.connection.close()
        try:
            return self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()
        finally:
            self._process.stdin.close()

    def kill(self) -> int:
        self.connection.close()
        self._process.stdin.close()
        self._process.kill()
        return self._process.wait()


def _serve(descriptor: int) -> None:
    """In the other process: answers until the connection ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    threading.Thread(target=_end_with_input, daemon=True).start()
    connection = Connection(descriptor)
    with contextlib.suppress(EOFError, ConnectionError):
        sys.path[:] = connection.recv()
        while True:
            work, arguments = connection.recv()
            try:
                answer = True, work(*arguments)
            except Exception as error:
                answer = False, error
            connection.send_bytes(_pickled(answer))


def _pickled(answer: tuple[bool, Any]) -> bytes:
    try:
        return pickle.dumps(answer)
    except Exception as error:
        failed = answer[1] if not answer[0] else error
        return pickle.dumps((False, RuntimeError(f"{type(failed).__name__}: {failed}")))


def _end_with_input() -> None:
    with contextlib.suppress(OSError):
        os.read(0, 1)
    os._exit(1)
