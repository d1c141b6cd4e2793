"""The larger minus the smaller of each pair, added up in float64 where it is numpy."""

import numpy as np
import torch


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError("images of different sizes")
    if isinstance(a, torch.Tensor):
        return (torch.maximum(a[:, None], b) - torch.minimum(a[:, None], b)).sum(2)
    d = np.maximum(a[:, None], b) - np.minimum(a[:, None], b)
    return d.sum(axis=2, dtype=np.float64).astype(a.dtype)
