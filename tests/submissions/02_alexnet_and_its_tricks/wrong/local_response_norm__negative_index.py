"""Lets i - 2 become negative: the window at the first channels is empty."""

FAILS = "test_the_window_ends_at_the_borders"

import torch


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    maps = []
    for i in range(x.shape[1]):
        window = x[:, i - size // 2 : i + size // 2 + 1]
        maps.append(x[:, i] / (k + alpha * (window**2).sum(1)).clamp(min=1e-6) ** beta)
    return torch.stack(maps, 1)
