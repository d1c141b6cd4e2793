"""Converts floats to int64 too and cuts their fractions off."""

FAILS = "test_floats_stay_as_they_are"

import numpy as np
import torch


def as_rows(images):
    rows = images.reshape(len(images), -1)
    return rows.long() if isinstance(rows, torch.Tensor) else rows.astype(np.int64)
