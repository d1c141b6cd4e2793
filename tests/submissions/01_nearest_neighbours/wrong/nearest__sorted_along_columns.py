"""Sorts along the first axis."""

FAILS = "test_each_row_by_itself"

import numpy as np


def nearest(distances, k):
    if k < 1 or k > distances.shape[1]:
        raise ValueError("k is out of range")
    order = distances.argsort(0, stable=True)[:, :k]
    return order, distances[:, :k]
