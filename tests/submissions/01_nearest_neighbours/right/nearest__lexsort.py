"""Sorts by distance, then by number, explicitly."""

import numpy as np
import torch


def nearest(distances, k):
    if k <= 0:
        raise ValueError("k must be at least 1")
    if k > distances.shape[1]:
        raise ValueError("k is more than there are")
    if isinstance(distances, torch.Tensor):
        values, order = torch.sort(distances, dim=1, stable=True)
        return order[:, :k], values[:, :k]
    numbers = np.broadcast_to(np.arange(distances.shape[1]), distances.shape)
    order = np.lexsort((numbers, distances), axis=1)[:, :k]
    return order, np.sort(distances, axis=1)[:, :k]
