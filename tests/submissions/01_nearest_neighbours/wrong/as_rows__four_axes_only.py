"""Unpacks the shape as N, H, W, C and fails for grey images."""

FAILS = "test_any_number_of_axes"

import numpy as np
import torch


def as_rows(images):
    n, height, width, channels = images.shape
    rows = images.reshape(n, height * width * channels)
    if isinstance(rows, torch.Tensor):
        return rows if rows.is_floating_point() else rows.long()
    return rows if rows.dtype.kind == "f" else rows.astype(np.int64)
