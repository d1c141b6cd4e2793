"""Returns the two results in the other order."""

FAILS = "test_nearest_first"

import numpy as np


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    order = distances.argsort(stable=True)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return distances[rows, order], order
