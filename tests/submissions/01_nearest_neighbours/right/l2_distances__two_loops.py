"""Two loops and one root for each entry."""

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    rows = [[float(((x - y) ** 2).sum()) ** 0.5 for y in b] for x in a]
    if isinstance(a, torch.Tensor):
        return torch.tensor(rows, dtype=a.dtype if a.is_floating_point() else torch.float64, device=a.device)
    return np.array(rows, a.dtype if a.dtype.kind == "f" else np.float64)
