"""A single ReLU, at the end."""

FAILS = "test_relu_between_the_convolutions"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, kernel, padding=kernel // 2), nn.Identity()]
    parts[-1] = nn.ReLU()
    return nn.Sequential(*parts)
