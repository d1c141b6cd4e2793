"""One layer, and behind it a stack with one layer less."""

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    half, odd = divmod(kernel, 2)
    if odd == 0:
        raise ValueError("no centre")
    first = [nn.Conv2d(channels, channels, kernel, 1, half), nn.ReLU()]
    rest = stacked_convolutions(channels, kernel, layers - 1) if layers > 1 else []
    return nn.Sequential(*first, *rest)
