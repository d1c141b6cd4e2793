"""Asserts instead of raising ValueError."""

FAILS = "test_k_must_be_possible"

import numpy as np


def nearest(distances, k):
    assert 1 <= k <= distances.shape[1]
    order = distances.argsort(stable=True)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
