"""Writes to the channel what the grader did not ask for."""

import os
import socket


def channel():
    for descriptor in range(3, 256):
        try:
            if os.fstat(descriptor).st_mode & 0o170000 == 0o140000:
                return socket.socket(fileno=os.dup(descriptor))
        except OSError:
            pass
    raise LookupError


def frame(data):
    return len(data).to_bytes(4, "big") + data


def reply(id, value):
    from cnncourse.grading.isolation import wire
    from cnncourse.grading.seam import Reply

    return frame(wire.encode_reply(id, Reply(value)))


FORGERIES = {
    "too long": lambda: b"\xff\xff\xff\xff" + b"x" * 100,
    "never ends": lambda: (1000).to_bytes(4, "big") + b"x",
    "empty": lambda: frame(b""),
    "huge header": lambda: frame((2**31).to_bytes(4, "big") + b"{}"),
    "no JSON": lambda: frame(b"\0\0\0\2{]" + bytes(8)),
    "deep": lambda: frame((200_000).to_bytes(4, "big") + b"[" * 200_000),
    "pickle": lambda: frame(b"\x80\x04cos\nsystem\n(S'touch /tmp/cnncourse-attack'\ntR."),
    "other question": lambda: reply(10**6, 9),
    "two replies": lambda: reply_to_this(9) * 2,
    "silence": lambda: b"",
}


def reply_to_this(value):
    import sys

    found = sys._getframe()
    while found is not None and not ("id" in found.f_locals and "handle" in found.f_locals):
        found = found.f_back
    return reply(found.f_locals["id"], value)


def forge(name):
    end = channel()
    end.setblocking(True)
    end.sendall(FORGERIES[name]())
    if name in ("never ends", "silence"):
        while True:
            pass
    return 9


def close():
    os.closerange(0, 256)


def shut():
    channel().shutdown(socket.SHUT_RDWR)


def flood():
    end = channel()
    end.setblocking(True)
    while True:
        end.sendall(bytes(2**20))


def descriptors():
    socket.send_fds(channel(), [b"\0"], [0, 1, 2])


def attack():
    forge("two replies")
    return []


def answer(x):
    forge("two replies")
    return -1
