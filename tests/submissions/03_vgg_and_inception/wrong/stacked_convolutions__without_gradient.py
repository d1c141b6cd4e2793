"""Runs without gradients."""

FAILS = "test_gradients"

import torch
from torch import nn


class Frozen(nn.Sequential):
    def forward(self, x):
        with torch.no_grad():
            return super().forward(x)


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, kernel, padding=kernel // 2), nn.ReLU()]
    return Frozen(*parts)
