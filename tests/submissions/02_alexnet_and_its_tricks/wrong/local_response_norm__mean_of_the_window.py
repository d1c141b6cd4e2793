"""Takes the mean over the channels that are in the window."""

FAILS = "test_alpha_multiplies_the_sum"

import torch


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    maps, n = [], x.shape[1]
    for i in range(n):
        window = x[:, max(0, i - size // 2) : i + size // 2 + 1]
        maps.append(x[:, i] / (k + alpha * (window**2).mean(1)) ** beta)
    return torch.stack(maps, 1)
