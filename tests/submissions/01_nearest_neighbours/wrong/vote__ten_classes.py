"""Counts into ten places, one for each class of CIFAR-10."""

FAILS = "test_any_labels"

import numpy as np
import torch


def vote(labels):
    winners = []
    for row in labels.tolist():
        counts = [0] * 10
        for label in row:
            counts[label] += 1
        winners.append(next(label for label in row if counts[label] == max(counts)))
    if isinstance(labels, torch.Tensor):
        return torch.tensor(winners, device=labels.device)
    return np.array(winners)
