"""One channel after the other."""

import torch


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    maps, n = [], x.shape[1]
    for i in range(n):
        window = x[:, max(0, i - size // 2) : min(n - 1, i + size // 2) + 1]
        maps.append(x[:, i] / (k + alpha * window.pow(2).sum(1)).pow(beta))
    return torch.stack(maps, 1)
