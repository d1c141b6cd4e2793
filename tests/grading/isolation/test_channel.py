import socket
import threading
import time

import pytest

from cnncourse.grading.isolation.channel import Channel, Closed, Late
from cnncourse.grading.isolation.wire import MAX_FRAME, WireError


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def soon(seconds=0.2):
    return time.monotonic() + seconds


def test_frames_arrive_whole_and_in_order(ends):
    ours, theirs = ends
    other = Channel(theirs)
    frames = [b"", b"a", bytes(range(256)) * 20_000]
    sender = threading.Thread(target=lambda: [ours.send(frame) for frame in frames])
    sender.start()
    assert [other.receive(soon(10)) for _ in frames] == frames
    sender.join()
    assert not other.pending()


def test_a_frame_longer_than_allowed_is_refused_before_it_is_read(ends):
    ours, theirs = ends
    theirs.sendall((MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(WireError, match=str(MAX_FRAME + 1)):
        ours.receive(soon())


def test_an_announced_frame_takes_no_memory_before_it_arrives(ends):
    import tracemalloc

    ours, theirs = ends
    theirs.sendall(MAX_FRAME.to_bytes(4, "big") + b"x")
    tracemalloc.start()
    try:
        with pytest.raises(Late):
            ours.receive(soon())
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("sent", [b"", b"\0\0", (5).to_bytes(4, "big") + b"1234"])
def test_half_a_frame_is_late_or_closed(ends, sent):
    ours, theirs = ends
    theirs.sendall(sent)
    with pytest.raises(Late):
        ours.receive(soon())
    theirs.close()
    with pytest.raises(Closed):
        ours.receive(soon())


def test_a_trickle_does_not_move_the_deadline(ends):
    ours, theirs = ends
    stop = threading.Event()

    def trickle():
        theirs.sendall((10**6).to_bytes(4, "big"))
        while not stop.wait(0.02):
            theirs.sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(Late):
            ours.receive(soon(0.3))
    finally:
        stop.set()
        thread.join()


def test_a_reader_that_never_reads_makes_sending_late(ends):
    ours, _ = ends
    with pytest.raises(Late):
        ours.send(bytes(10 * 2**20), soon())


def test_sending_to_nobody_is_closed(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(Closed):
        ours.send(bytes(10 * 2**20), soon())


def test_what_has_arrived_unasked_is_pending(ends):
    ours, theirs = ends
    assert not ours.pending()
    theirs.sendall(b"x")
    assert ours.pending()


def test_descriptors_sent_along_are_dropped(ends):
    import os

    ours, theirs = ends
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(theirs, [(1).to_bytes(4, "big") + b"x"], [0, 1, 2])
    assert ours.receive(soon()) == b"x"
    assert len(os.listdir("/proc/self/fd")) == before
