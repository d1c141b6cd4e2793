"""Adds up in float64 and goes back to the floats it was given."""

import numpy as np
import torch


def l2_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if isinstance(a, torch.Tensor):
        d = ((a.double()[:, None] - b.double()) ** 2).sum(-1).sqrt()
        return d.to(a.dtype) if a.is_floating_point() else d
    d = np.sqrt(np.square(np.subtract(a[:, None], b, dtype=np.float64)).sum(-1))
    return d.astype(a.dtype) if a.dtype.kind == "f" else d
