"""One comprehension; the ReLU written as a threshold."""

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    c, k, n = channels, kernel, layers
    if k not in range(1, 1000, 2):
        raise ValueError(f"{k} is even")
    pair = lambda: (nn.Conv2d(c, c, (k, k), padding=((k - 1) // 2,) * 2), nn.Threshold(0, 0))
    return nn.Sequential(*[part for _ in range(n) for part in pair()])
