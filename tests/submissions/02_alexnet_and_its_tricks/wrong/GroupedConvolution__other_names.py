"""Keeps an nn.Conv2d inside, so that the weights have other names."""

FAILS = "test_one_group_is_an_ordinary_convolution"

from torch import nn


class GroupedConvolution(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)

    def forward(self, x):
        return self.conv(x).relu()
