"""One row at a time, Python's own sorting."""

import numpy as np
import torch


def nearest(distances, k):
    if not 1 <= k <= distances.shape[1]:
        raise ValueError(f"k = {k}, but there are {distances.shape[1]} training images")
    indices = [sorted(range(len(row)), key=lambda j: row[j])[:k] for row in distances.tolist()]
    if isinstance(distances, torch.Tensor):
        indices = torch.tensor(indices, device=distances.device)
        return indices, distances.gather(1, indices)
    indices = np.array(indices, dtype=np.int64)
    return indices, np.take_along_axis(distances, indices, 1)
