"""Builds a numpy array whatever it is given."""

FAILS = "test_tensors_stay_tensors"

import numpy as np


def l1_distances(a, b):
    a, b = as_rows(np.asarray(a)), as_rows(np.asarray(b))
    return np.abs(a[:, None] - b[None]).sum(-1)
