"""Partitions, which finds the k nearest but does not sort them."""

FAILS = "test_nearest_first"

import numpy as np
import torch


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    if isinstance(distances, torch.Tensor):
        order = distances.topk(k, largest=False, sorted=False).indices
    else:
        order = np.argpartition(distances, k - 1, axis=-1)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
