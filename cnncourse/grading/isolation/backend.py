"""A submission in a worker process of its own, as the tests ask it."""

import json
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.channel import Channel, Closed, Late
from cnncourse.grading.isolation.sandbox import GIB
from cnncourse.grading.isolation.wire import WireError
from cnncourse.grading.seam import CALL_SECONDS, CLOSED, MESSAGE, Cell, Died, Problem, Problems, Reply

START_SECONDS = 120.0  # importing torch from a cold disk
# By the clock, for who sleeps; a worker's time of the processor has limits of its own, which count first.
LOAD_SECONDS = 20.0  # for one statement
LOADING_SECONDS = 60.0  # for all of them together
STATEMENTS = 20_000  # that may run
DEATHS = 3  # of workers by cells and statements, before the rest is not tried any more

SUBMISSION_SECONDS = 900.0  # for all that is asked of it: a lab of endless loops takes half


class IsolatedBackend:
    """A submission in a worker process of its own, as ``seam.Backend`` has it.

    ``order`` sends an order to the forker and gives its answer.
    """

    def __init__(
        self,
        order: Callable[..., dict[str, Any]],
        device: str,
        cells: tuple[Cell, ...],
        exercises: tuple[str, ...],
    ):
        self._order, self._device, self._cells, self._exercises = order, device, cells, exercises
        self._devices = ("cpu", device) if device != "cpu" else ("cpu",)
        self._unreadable: dict[int, str] = {}  # cells that killed the worker when they were parsed, and how
        self._deadly: dict[int, tuple[int, str]] = {}  # statements of the plan that did: their cell, and how
        self._careful = False  # whether a worker has died, and cells and statements are sent one by one
        self._problems: Problems | None = None
        self._channel: Channel | None = None
        self._asked = 0
        self._left = SUBMISSION_SECONDS
        self._hopeless = ""  # why no further worker is tried

    def request(self, op: str, *, seconds: float = CALL_SECONDS, **payload: Any) -> Reply:
        """One request, one reply; see ``seam.Backend`` for the operations. Raises Died."""
        if self._channel is None:
            self.restart()
        return self._request(op, seconds, payload)

    def problems(self) -> Problems:
        """What loading found. Raises Died when the submission could not even be loaded alive."""
        if self._problems is None:
            self.restart()
        return self._problems

    def restart(self) -> None:
        """A fresh worker with the same submission. Cells that kill it are left out. Raises Died when too many do."""
        deadline = time.monotonic() + LOADING_SECONDS
        while not self._hopeless:
            self.close()
            deadline += self._start()  # starting is no fault of the submission
            how = self._load(deadline)
            if how is None:
                return
            if time.monotonic() > deadline:
                self._hopeless = f"could not be loaded within {LOADING_SECONDS:g} s"
            elif len(self._deadly) + len(self._unreadable) > DEATHS:
                self._hopeless = f"could not be loaded: cell after cell {how}"
        raise Died(self._hopeless)

    def close(self) -> None:
        """Ends the worker and everything that it started."""
        if self._channel is None:
            return
        self._channel.close()
        self._report.close()
        self._channel = None
        self._order("stop", 30, init=self._init)

    # ---- loading

    def _start(self) -> float:
        """A new worker, ready for cells; the seconds it took: many on CUDA, where it imports torch anew."""
        begun = time.monotonic()
        ours, channel = socket.socketpair()
        self._report, report = socket.socketpair()
        with channel, report:
            answer = self._order("start", 30, (channel.fileno(), report.fileno()))
        self._init, self._channel = answer["init"], Channel(ours)
        if self._device != "cpu":
            self._request("names", START_SECONDS, {})
        return time.monotonic() - begun

    def _load(self, deadline: float) -> str | None:
        """Sends the cells and has run what of them runs. Returns how a worker died of it, or None.

        All at once, as long as no worker has died; then one by one, so that what kills it is known.
        """
        cells = [
            [cell.number, "" if position in self._unreadable else cell.text, cell.kind]
            for position, cell in enumerate(self._cells)
        ]
        try:
            for position, some in enumerate(self._in_parts(cells)):  # noqa: B007, it is used when one dies
                self._request("read", self._until(deadline), {"cells": some})
        except Died as death:
            return self._remember(death, self._unreadable, position, death.reason)
        reply = self._request("plan", self._until(deadline), {"roots": list(self._exercises)})
        plan = self._read_plan(reply.value)
        try:
            for place, some in enumerate(self._in_parts(list(range(len(plan))))):
                if place in self._deadly and self._careful:
                    reason = f"the statement that defines it {self._deadly[place][1]}"
                    self._request("give_up", self._until(deadline), {"place": place, "reason": reason})
                else:
                    self._request("run", self._until(deadline), {"places": some})
        except Died as death:
            cell = plan[place] if self._careful else 0
            return self._remember(death, self._deadly, place, (cell, death.reason))
        self._problems = self._read_problems(self._request("loaded", LOAD_SECONDS, {}).value)
        return None

    def _in_parts(self, things: list) -> list[list]:
        return [[thing] for thing in things] if self._careful else [things]

    def _remember(self, death: Died, deadly: dict, position: int, how: Any) -> str:
        """Notes what a worker died of; the first time only that everything has to be asked for by itself."""
        if self._careful:
            deadly[position] = how
            if deadly is self._unreadable:
                self._deadly.clear()  # the plan is another one without this cell
        self._careful = True
        return death.reason

    def _until(self, deadline: float) -> float:
        return min(LOAD_SECONDS, max(0.0, deadline - time.monotonic()))

    def _read_plan(self, value: Any) -> list[int]:
        """The position of the cell of each statement that runs."""
        fine = type(value) is list and len(value) <= STATEMENTS
        if not fine or not all(
            type(one) is list and len(one) == 2 and all(type(number) is int for number in one)
            for one in value
        ):
            self._die("answered nonsense while it was loaded (no plan)")
        return [position if 0 <= position < len(self._cells) else 0 for position, _ in value]

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
        for position, how in self._unreadable.items():
            problems.append(Problem("syntax", f"reading this cell {how}", self._cells[position].number))
        for position, how in self._deadly.values():
            number = self._cells[position].number
            problems.append(Problem("definition", f"running a statement of this cell {how}", number))
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
