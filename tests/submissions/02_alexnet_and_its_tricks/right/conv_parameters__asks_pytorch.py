"""Builds the layer without numbers and counts; PyTorch raises the ValueError."""

from torch import nn


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    layer = nn.Conv2d(in_channels, out_channels, kernel, groups=groups, bias=bias, device="meta")
    return sum(parameter.numel() for parameter in layer.parameters())
