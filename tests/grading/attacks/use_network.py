"""Tries to reach anything outside, and anything that listens on this machine."""

import socket
import urllib.request


def attack():
    reached = []
    for family in (
        socket.AF_INET,
        socket.AF_INET6,
        socket.AF_UNIX,
        socket.AF_NETLINK,
        socket.AF_PACKET,
        socket.AF_VSOCK,
    ):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                reached.append(repr(socket.socket(family, kind)))
            except OSError:
                pass
    for address in ("http://127.0.0.1", "http://1.1.1.1", "http://example.org"):
        try:
            reached.append(repr(urllib.request.urlopen(address, timeout=1)))
        except OSError:
            pass
    return reached


def answer(x):
    return len(attack())
