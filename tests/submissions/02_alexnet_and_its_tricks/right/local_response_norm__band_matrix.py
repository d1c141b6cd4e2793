"""A matrix says which channels are neighbours; in float64."""

import torch


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    place = torch.arange(x.shape[1], device=x.device)
    near = ((place[:, None] - place).abs() <= size // 2).to(torch.float64)
    energy = torch.einsum("ij,bjhw->bihw", near, x.double() ** 2)
    return (x * (k + alpha * energy) ** -beta).to(x.dtype)
