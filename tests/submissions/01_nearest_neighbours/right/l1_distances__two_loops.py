"""Two loops, one entry at a time."""

import numpy as np
import torch


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError("images of different sizes")
    if isinstance(a, torch.Tensor):
        out = torch.zeros((len(a), len(b)), dtype=a.dtype, device=a.device)
    else:
        out = np.zeros((len(a), len(b)), a.dtype)
    for i in range(len(a)):
        for j in range(len(b)):
            out[i, j] = abs(a[i] - b[j]).sum()
    return out
