"""A class with the same names of weights, which pads and clamps by itself, in float64."""

import torch.nn.functional as F
from torch import nn


class Stack(nn.Module):
    def __init__(self, channels, kernel, layers):
        super().__init__()
        for number in range(layers):
            self.add_module(str(2 * number), nn.Conv2d(channels, channels, kernel))
        self.border = kernel // 2

    def forward(self, x):
        out = x.double()
        for conv in self.children():
            out = F.pad(out, (self.border,) * 4)
            out = F.conv2d(out, conv.weight.double(), conv.bias.double()).clamp(min=0)
        return out.to(x.dtype)


def stacked_convolutions(channels, kernel=3, layers=3):
    if kernel & 1 == 0:
        raise ValueError("an odd kernel, please")
    return Stack(channels, kernel, layers)
