"""Sorts with the default method, which shuffles equal distances."""

FAILS = "test_ties_go_to_the_lower_index"

import numpy as np
import torch


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    if isinstance(distances, torch.Tensor):
        order = distances.argsort(-1)[:, :k]
    else:
        order = np.argsort(distances, axis=-1)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
