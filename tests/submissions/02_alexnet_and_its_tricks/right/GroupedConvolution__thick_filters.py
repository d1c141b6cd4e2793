"""Fills filters up with zeros where they must not see."""

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
        outputs, seen, height, width = self.weight.shape
        thick = self.weight.new_zeros(outputs, x.shape[1], height, width)
        each = outputs // self.groups
        for g in range(self.groups):
            thick[g * each : (g + 1) * each, g * seen : (g + 1) * seen] = self.weight[g * each : (g + 1) * each]
        maps = F.conv2d(x, thick, self.bias, stride=self.stride, padding=self.padding)
        return torch.where(maps > 0, maps, torch.zeros_like(maps))
