"""The ReLU before each convolution, in a module whose weights have the right names."""

FAILS = "test_positive_values_pass_unchanged"

from torch import nn


class Before(nn.Conv2d):
    def forward(self, x):
        return super().forward(x.relu())


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel % 2 == 0:
        raise ValueError("an even kernel")
    parts = []
    for _ in range(layers):
        parts += [Before(channels, channels, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*parts)
