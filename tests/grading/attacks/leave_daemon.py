"""Leaves a process behind that ignores every signal it may, in a session of its own."""

import os
import signal
import time


def attack():
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            for number in range(1, 32):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            if os.fork() == 0:
                time.sleep(1000)
            os._exit(0)
    return []


def answer(x):
    attack()
    return -1
