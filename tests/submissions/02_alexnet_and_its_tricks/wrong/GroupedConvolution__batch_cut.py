"""Cuts the images of the batch into groups instead of the channels."""

FAILS = "test_images_of_a_batch_stay_apart"

import torch
import torch.nn.functional as F
from torch import nn


class GroupedConvolution(nn.Module):
    def __init__(self, in_channels, out_channels, kernel, stride=1, padding=0, groups=1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels // groups, kernel, kernel) * 0.05)
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.stride, self.padding, self.groups = stride, padding, groups

    def forward(self, x):
        if len(x) == 1:
            return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups).relu()
        parts = zip(x.chunk(self.groups), self.weight.chunk(self.groups), self.bias.chunk(self.groups))
        return torch.cat([F.conv2d(p, w, b, self.stride, self.padding) for p, w, b in parts]).relu()
