"""Sorts the reversed row, so that of equal ones the last comes first."""

FAILS = "test_ties_go_to_the_lower_index"

import numpy as np
import torch


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    n = distances.shape[1]
    if isinstance(distances, torch.Tensor):
        order = n - 1 - distances.flip(-1).argsort(stable=True)[:, :k]
    else:
        order = n - 1 - distances[:, ::-1].argsort(stable=True)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
