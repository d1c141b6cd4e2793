"""Goes through the row from its far end, so ties go to the farthest."""

FAILS = "test_ties_go_to_the_nearest"

import numpy as np
import torch


def vote(labels):
    winners = []
    for row in labels.tolist():
        row = row[::-1]
        winners.append(max(row, key=row.count))
    if isinstance(labels, torch.Tensor):
        return torch.tensor(winners, device=labels.device)
    return np.array(winners)
