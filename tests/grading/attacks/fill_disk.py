"""Writes until the disk is full."""

import os


def attack():
    written = files = 0
    block = bytes(2**20)
    try:
        for number in range(100):
            with open(os.path.join(os.environ["TMPDIR"], f"big{number}"), "wb", buffering=0) as file:
                for _ in range(200):
                    written += file.write(block)
    except OSError:
        pass
    try:
        for files in range(100_000):
            os.mkdir(os.path.join(os.environ["TMPDIR"], str(files)))
    except OSError:
        pass
    return [f"{written} bytes"] * (written > 2**29) + [f"{files} files"] * (files > 20_000)


def answer(x):
    return len(attack())
