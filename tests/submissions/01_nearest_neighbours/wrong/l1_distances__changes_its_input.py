"""Subtracts in place, from the caller's own array."""

FAILS = "test_floats_stay_floats"

import numpy as np
import torch


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if isinstance(a, torch.Tensor):
        return abs(a[:, None] - b[None]).sum(-1)
    out = np.zeros((len(a), len(b)), a.dtype)
    for i in range(len(a)):
        for j in range(len(b)):
            difference = a[i]
            difference -= b[j]
            out[i, j] = abs(difference).sum()
    return out
