"""The process that runs a submission: it loads the cells, then answers requests."""

import os
import socket
from dataclasses import asdict
from functools import partial
from typing import Any

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.channel import Channel, Closed
from cnncourse.grading.isolation.definitions import Definitions, new_definitions
from cnncourse.grading.isolation.session import Session, quiet
from cnncourse.grading.seam import CLOSED, Cell, Reply


def work(descriptor: int, device: str) -> None:
    """The worker process: loads the submission's cells and carries out requests. Never returns."""
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

    def __init__(self, definitions: Definitions):
        self.definitions = definitions

    def handle(self, op: str, payload: dict[str, Any]) -> Any:
        """Carries out one request."""
        return Reply(getattr(self, op)(**payload))

    def define(self, number: int | None, text: str) -> None:
        """Runs the definitions of a cell."""
        with quiet():
            self.definitions.define(Cell(number, text))

    def give_up(self, number: int | None, text: str, reason: str) -> None:
        """Runs nothing of a cell that has killed a worker; its names are missing for this reason."""
        self.definitions.give_up(Cell(number, text), reason)

    def loaded(self) -> dict[str, Any]:
        """What loading found, as ``backend.Problems`` has it."""
        problems = [asdict(problem) for problem in self.definitions.problems[:1000]]
        return {"problems": problems, "skipped": self.definitions.skipped, "names": self.definitions.names()}
