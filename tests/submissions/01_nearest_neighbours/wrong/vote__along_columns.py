"""Holds the vote among the test images, for every place."""

FAILS = "test_each_row_by_itself"

import numpy as np
import torch


def vote(labels):
    counts = (labels[:, None] == labels[None]).sum(1)
    best = counts.argmax(0)
    columns = (
        torch.arange(labels.shape[1], device=labels.device)
        if isinstance(labels, torch.Tensor)
        else np.arange(labels.shape[1])
    )
    return labels[best, columns]
