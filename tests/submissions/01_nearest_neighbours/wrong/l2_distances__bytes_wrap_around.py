"""Squares bytes, which wrap around."""

FAILS = "test_bytes_do_not_wrap_around"

import numpy as np
import torch


def l2_distances(a, b):
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    squares = ((a[:, None] - b[None]) ** 2).sum(-1)
    if isinstance(squares, torch.Tensor):
        return squares.sqrt() if squares.is_floating_point() else squares.double().sqrt()
    return np.sqrt(squares)
