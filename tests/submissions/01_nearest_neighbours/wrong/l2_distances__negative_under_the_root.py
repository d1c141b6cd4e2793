"""Expands the square in float32, gets a little less than 0, and takes its root."""

FAILS = "test_an_image_is_nowhere_but_at_itself"

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if isinstance(a, torch.Tensor):
        a, b = (x if x.is_floating_point() else x.double() for x in (a, b))
    elif a.dtype.kind != "f":
        a, b = a.astype(np.float64), b.astype(np.float64)
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * a @ b.T
    return squares**0.5
