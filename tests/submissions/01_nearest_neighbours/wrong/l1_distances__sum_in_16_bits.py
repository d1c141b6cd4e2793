"""Adds up in int16, which overflows for real images."""

FAILS = "test_real_images_fit"

import numpy as np


def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if not isinstance(a, np.ndarray) or a.dtype.kind == "f":
        return abs(a[:, None] - b[None]).sum(-1)
    return abs(a[:, None] - b[None]).astype(np.int16).sum(-1, dtype=np.int16).astype(np.int64)
