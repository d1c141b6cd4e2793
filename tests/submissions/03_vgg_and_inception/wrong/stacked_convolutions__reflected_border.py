"""The border padded with a mirror image instead of zeros."""

FAILS = "test_agrees_with_the_reference"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, kernel, padding=kernel // 2, padding_mode='replicate'), nn.ReLU()]
    return nn.Sequential(*parts)
