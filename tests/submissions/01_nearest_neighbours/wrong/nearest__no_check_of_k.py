"""Does not look at k: a slice takes what there is."""

FAILS = "test_k_must_be_possible"

import numpy as np


def nearest(distances, k):
    order = distances.argsort(stable=True)[:, :k]
    rows = np.arange(len(distances))[:, None]
    return order, distances[rows, order]
