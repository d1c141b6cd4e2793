"""Turns tensors into numpy arrays."""

FAILS = "test_tensors_stay_tensors"

import numpy as np


def as_rows(images):
    rows = np.asarray(images).reshape(len(images), -1)
    return rows if rows.dtype.kind == "f" else rows.astype(np.int64)
