"""Modules of its own that project with their own convolution."""

import torch.nn.functional as F
from torch import nn


class Projection(nn.Sequential):
    def __init__(self, a, b, stride):
        super().__init__()
        self.add_module("0", nn.Conv2d(a, b, 1, stride, bias=False))
        self.add_module("1", nn.BatchNorm2d(b))

    def forward(self, x):
        return self[1](F.conv2d(x, self[0].weight, stride=self[0].stride))


def make_shortcut(kind, in_channels, out_channels, stride):
    stays = stride == 1 and in_channels == out_channels
    makers = {
        "padding": lambda: nn.Identity() if stays else PaddingShortcut(out_channels, stride),
        "projection": lambda: nn.Identity() if stays else Projection(in_channels, out_channels, stride),
        "all projections": lambda: Projection(in_channels, out_channels, stride),
    }
    if kind not in makers:
        raise ValueError(f"{kind} is none of {list(makers)}")
    return makers[kind]()
