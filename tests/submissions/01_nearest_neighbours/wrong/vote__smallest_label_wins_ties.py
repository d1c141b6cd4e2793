"""Counts with bincount, whose argmax prefers the smallest label."""

FAILS = "test_ties_go_to_the_nearest"

import numpy as np
import torch


def vote(labels):
    if isinstance(labels, torch.Tensor):
        return labels.mode(-1).values
    winners = []
    for row in labels:
        values, counts = np.unique(row, return_counts=True)
        winners.append(values[counts.argmax()])
    return np.array(winners)
