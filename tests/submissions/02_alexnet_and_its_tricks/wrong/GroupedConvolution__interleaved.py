"""Puts the groups' maps together in turns."""

FAILS = "test_groups_are_put_together_in_order"

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
        parts = zip(x.chunk(self.groups, 1), self.weight.chunk(self.groups), self.bias.chunk(self.groups))
        maps = [F.conv2d(p, w, b, self.stride, self.padding) for p, w, b in parts]
        return torch.stack(maps, 2).flatten(1, 2).relu()
