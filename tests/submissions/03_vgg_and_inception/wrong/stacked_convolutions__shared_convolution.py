"""One convolution, used again and again."""

FAILS = "test_every_convolution_has_its_own_weights"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    return nn.Sequential(*[nn.Conv2d(channels, channels, kernel, padding=kernel // 2), nn.ReLU()] * layers)
