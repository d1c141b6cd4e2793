"""Goes through pairs of pixels with zip, which stops at the shorter image."""

FAILS = "test_images_of_different_sizes"

import numpy as np
import torch


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    rows = [[sum(abs(p - q) for p, q in zip(x.tolist(), y.tolist())) for y in b] for x in a]
    if isinstance(a, torch.Tensor):
        return torch.tensor(rows, dtype=a.dtype, device=a.device)
    return np.array(rows, dtype=a.dtype)
