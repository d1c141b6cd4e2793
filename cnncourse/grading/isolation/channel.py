"""Frames over a socket, with a cap and a deadline.

A frame is its length, four bytes with the most significant first, and that many bytes. The other end may be
hostile: it may lie about the length, send half a frame and stop, never read, or send when nothing was asked.
"""

import select
import socket
import time

from cnncourse.grading.isolation.wire import MAX_FRAME, WireError

_CHUNK = 2**20  # memory grows with what has arrived, not with what was announced


class Closed(Exception):
    """The other end is gone."""


class Late(Exception):
    """The deadline passed before the frame was through."""


class Channel:
    """Sends and receives frames. A deadline is a time of ``time.monotonic``; None waits for ever."""

    def __init__(self, sock: socket.socket):
        self._socket = sock
        self._socket.setblocking(False)

    def send(self, frame: bytes, deadline: float | None = None) -> None:
        """Sends one frame. Raises Closed or Late."""
        data = memoryview(len(frame).to_bytes(4, "big") + frame)
        while data:
            try:
                data = data[self._socket.send(data[:_CHUNK]) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise Closed from None

    def receive(self, deadline: float | None = None) -> bytes:
        """Receives one frame. Raises Closed, Late, or WireError for a length that is not allowed."""
        length = int.from_bytes(self._exactly(4, deadline), "big")
        if length > MAX_FRAME:
            raise WireError(f"a frame of {length} bytes")
        return self._exactly(length, deadline)

    def pending(self) -> bool:
        """Whether something has arrived that nobody has received, or the other end is gone."""
        return bool(_poll(self._socket, select.POLLIN, 0))

    def close(self) -> None:
        """Closes this end."""
        self._socket.close()

    def _exactly(self, length: int, deadline: float | None) -> bytes:
        data = bytearray()
        while len(data) < length:
            try:
                part = self._socket.recv(min(length - len(data), _CHUNK))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                raise Closed from None
            if not part:
                raise Closed
            data += part
            if deadline is not None and time.monotonic() > deadline:
                raise Late
        return bytes(data)

    def _wait(self, event: int, deadline: float | None) -> None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not _poll(self._socket, event, left):
            raise Late


def _poll(sock: socket.socket, event: int, seconds: float | None) -> list:
    poll = select.poll()
    poll.register(sock, event)
    return poll.poll(None if seconds is None else round(seconds * 1000 + 0.5))
