"""Forgets the root."""

FAILS = "test_three_four_five"

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    squares = ((a[:, None] - b[None]) ** 2).sum(-1)
    if isinstance(squares, torch.Tensor):
        return squares if squares.is_floating_point() else squares.double()
    return squares if squares.dtype.kind == "f" else squares.astype(np.float64)
