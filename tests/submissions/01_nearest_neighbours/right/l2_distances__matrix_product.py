"""Expands the square into a matrix product and never lets it fall below 0."""

import numpy as np
import torch


def l2_distances(a, b):
    x, y = as_rows(a), as_rows(b)
    if isinstance(x, torch.Tensor):
        x, y = (z if z.is_floating_point() else z.double() for z in (x, y))
    elif x.dtype.kind != "f":
        x, y = x.astype(np.float64), y.astype(np.float64)
    squares = (x * x).sum(1)[:, None] - 2 * (x @ y.T) + (y * y).sum(1)[None]
    return squares.clip(0) ** 0.5
