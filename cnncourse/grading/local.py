"""The backend behind ``check``: the submission is the notebook that runs in this very process."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.session import Session
from cnncourse.grading.seam import CALL_SECONDS, Died, Problems, Reply


class LocalBackend:
    """Runs requests on a namespace of this process, through the same encoding as the isolated backend.

    There is no protection and no worker to kill: an endless loop is stopped where Python can be interrupted.
    ``devices`` names the types of device that tensors may be on.
    """

    def __init__(self, namespace: dict[str, Any], devices: tuple[str, ...] = ("cpu",)):
        self._namespace, self._devices = namespace, devices
        self._stuck = False  # a student who waits for one call that hangs should not wait for all of them
        self.restart()

    def request(self, op: str, *, seconds: float = CALL_SECONDS, **payload: Any) -> Reply:
        """One request, one reply. Raises KeyboardInterrupt when the student interrupts the kernel."""
        if self._stuck and op != "seed":
            raise Died("not tried, because a call before did not come back")
        frame = wire.encode_request(0, op, payload)
        rang: list[bool] = []
        try:
            with _alarm(seconds, rang):
                reply = wire.decode_reply(self._session.answer(frame, self._devices), 0, self._devices)
            interrupted = reply.error is not None and reply.error.type == "KeyboardInterrupt"
        except KeyboardInterrupt:
            interrupted = True
        if rang:
            self._stuck = True
            raise Died(f"it did not come back within {CALL_SECONDS:g} s. Is there a loop that never ends?")
        if interrupted:
            raise KeyboardInterrupt
        return reply

    def problems(self) -> Problems:
        """Nothing is loaded here, so there are none."""
        return Problems(names=tuple(name for name in self._namespace if not name.startswith("_")))

    def restart(self) -> None:
        """Forgets the objects that tests created."""
        self._session = Session(self._namespace)

    def close(self) -> None:
        """Nothing to end."""


@contextlib.contextmanager
def _alarm(seconds: float, rang: list[bool]) -> Iterator[None]:
    """Interrupts what runs inside after ``seconds``, where the system has alarms and this is the main thread.

    The student's code may swallow the interruption, so that it rang is also noted in ``rang``.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_):
        rang.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
