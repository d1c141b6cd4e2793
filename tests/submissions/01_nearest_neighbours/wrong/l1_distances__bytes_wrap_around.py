"""Subtracts bytes, which wrap around."""

FAILS = "test_bytes_do_not_wrap_around"

import numpy as np


def l1_distances(a, b):
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    return abs(a[:, None] - b[None]).sum(-1)
