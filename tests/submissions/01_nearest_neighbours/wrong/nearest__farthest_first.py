"""Sorts descending, as one does with scores."""

FAILS = "test_nearest_first"

import numpy as np


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    order = (-distances).argsort(stable=True)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
