"""The process that runs a submission: it loads the cells, then answers requests."""

import os
import resource
import socket
import time
from dataclasses import asdict
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.channel import Channel, Closed
from cnncourse.grading.isolation.definitions import Definitions, new_definitions
from cnncourse.grading.isolation.session import Session, quiet
from cnncourse.grading.seam import CLOSED, Cell, Reply

DEFINITION_SECONDS = 10  # of the processor, for one definition: it may import something large
STATEMENT_SECONDS, STATEMENTS_SECONDS = (
    5,
    15,
)  # for another statement that the exercises need; for all of them


def work(descriptor: int, device: str) -> None:
    """The worker process: loads the submission's cells and carries out requests. Never returns."""
    channel = Channel(socket.socket(fileno=descriptor))
    definitions = new_definitions(Path.cwd() / ".cells")
    session = Session(definitions.namespace, definitions.skipped, definitions.cells, definitions.missing)
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
    """The requests that come before any other: the cells, what of them runs, one by one, and what became of them."""

    operations = frozenset({"read", "plan", "run", "give_up", "loaded"})

    def __init__(self, definitions: Definitions):
        self.definitions = definitions
        self._left = float(STATEMENTS_SECONDS)

    def handle(self, op: str, payload: dict[str, Any]) -> Any:
        """Carries out one request."""
        return Reply(getattr(self, op)(**payload))

    def read(self, cells: list[list[Any]]) -> None:
        """Takes in cells: number, text and kind of each."""
        with quiet():
            for cell in cells:
                self.definitions.read(Cell(*cell))

    def plan(self, roots: list[str]) -> list[list[int]]:
        """Decides what runs for these exercises: the position of its cell and its line, for each statement."""
        return self.definitions.plan(roots)

    def run(self, places: list[int]) -> None:
        """Runs statements of the plan. The system ends the process when one takes too much of the processor."""
        for place in places:
            self._run(place)

    def _run(self, place: int) -> None:
        definitions = self.definitions
        always = definitions.statements[definitions.chosen[place]].defines
        begun, (soft, hard) = time.process_time(), resource.getrlimit(resource.RLIMIT_CPU)
        limit = ceil(begun + (DEFINITION_SECONDS if always else min(STATEMENT_SECONDS, self._left)))
        resource.setrlimit(resource.RLIMIT_CPU, (limit if soft < 0 else min(limit, soft), hard))
        try:
            with quiet():
                definitions.run(place)
        finally:
            resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        if not always:
            self._left = max(1.0, self._left - (time.process_time() - begun))

    def give_up(self, place: int, reason: str) -> None:
        """Does not run a statement that has killed a worker; its names are missing for this reason."""
        self.definitions.give_up(place, reason)

    def loaded(self) -> dict[str, Any]:
        """What loading found, as ``seam.Problems`` has it."""
        problems = [asdict(problem) for problem in self.definitions.in_order()[:1000]]
        return {"problems": problems, "skipped": self.definitions.skipped, "names": self.definitions.names()}
