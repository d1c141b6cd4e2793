"""Takes the label in the middle."""

FAILS = "test_most_frequent_label"

import numpy as np
import torch


def vote(labels):
    if isinstance(labels, torch.Tensor):
        return labels.median(-1).values
    return np.median(labels, axis=-1).astype(np.int64)
