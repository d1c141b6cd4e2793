"""Widens the difference, after the bytes have wrapped around."""

FAILS = "test_worked_example"

import numpy as np


def l1_distances(a, b):
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    return np.abs((a[:, None] - b[None]).astype(np.int64)).sum(-1)
