"""Takes the root of each square before the sum: that is L1."""

FAILS = "test_three_four_five"

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if isinstance(a, torch.Tensor):
        a, b = (x if x.is_floating_point() else x.double() for x in (a, b))
        return torch.sqrt((a[:, None] - b[None]) ** 2).sum(-1)
    return np.sqrt((a[:, None] - b[None]) ** 2).sum(-1)
