"""Multiplies the number of layers into the kernel: one large filter."""

FAILS = "test_names_of_the_weights"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    size = layers * (kernel - 1) + 1
    return nn.Sequential(nn.Conv2d(channels, channels, size, padding=size // 2), nn.ReLU())
