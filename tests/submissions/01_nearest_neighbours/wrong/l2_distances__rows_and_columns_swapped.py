"""A row for each image of b."""

FAILS = "test_a_row_for_each_image_of_a"

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(b), as_rows(a)
    squares = ((a[:, None] - b[None]) ** 2).sum(-1)
    if isinstance(squares, torch.Tensor) and not squares.is_floating_point():
        squares = squares.double()
    return squares**0.5
