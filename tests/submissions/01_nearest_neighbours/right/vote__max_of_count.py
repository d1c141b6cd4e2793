"""The first label whose count is the largest."""

import numpy as np
import torch


def vote(labels):
    out = labels[:, 0] + 0
    for i, row in enumerate(labels.tolist()):
        out[i] = max(row, key=row.count)
    return out
