"""Takes the k nearest but returns them farthest first."""

FAILS = "test_nearest_first"

import numpy as np
import torch


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    order = distances.argsort(stable=True)[:, :k]
    order = order.flip(-1) if isinstance(order, torch.Tensor) else order[:, ::-1].copy()
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
