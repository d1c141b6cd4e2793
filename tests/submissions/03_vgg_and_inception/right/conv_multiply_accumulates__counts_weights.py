"""Counts the weights of PyTorch's own layer; each is used once a position."""

from torch import nn


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    conv = nn.Conv2d(in_channels, out_channels, kernel, groups=groups, bias=False, device="meta")
    return conv.weight.numel() * height * width
