"""A product with a vector of equal weights, in float64."""

import torch


def global_average_pool(x):
    positions = x.shape[2] * x.shape[3]
    weights = torch.full((positions,), 1 / positions, dtype=torch.float64, device=x.device)
    return (x.flatten(2).double() @ weights).to(x.dtype)
