"""Converts everything to int64, floats included."""

FAILS = "test_floats_stay_floats"

import numpy as np


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if isinstance(a, np.ndarray):
        a, b = a.astype(np.int64), b.astype(np.int64)
    return abs(a[:, None] - b[None]).sum(-1)
