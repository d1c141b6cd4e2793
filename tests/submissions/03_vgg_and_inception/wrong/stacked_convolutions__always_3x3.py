"""Filters of 3x3, whatever was asked for."""

FAILS = "test_names_of_the_weights"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*parts)
