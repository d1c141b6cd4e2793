"""Lets even filters through."""

FAILS = "test_even_filters_are_refused"

from torch import nn


def stacked_convolutions(channels, kernel=3, layers=3):
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*parts)
