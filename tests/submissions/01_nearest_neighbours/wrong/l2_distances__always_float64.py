"""Widens float32 to float64."""

FAILS = "test_an_image_is_nowhere_but_at_itself"

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if isinstance(a, torch.Tensor):
        a, b = a.double(), b.double()
    else:
        a, b = a.astype(np.float64), b.astype(np.float64)
    return ((a[:, None] - b[None]) ** 2).sum(-1) ** 0.5
