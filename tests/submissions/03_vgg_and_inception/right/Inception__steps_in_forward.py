"""Goes through the parts in forward; pads by hand before it pools; without ConvUnit's class."""

import torch
import torch.nn.functional as F
from torch import nn


class Unit(nn.Module):
    def __init__(self, inputs, outputs, kernel, batch_norm):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding="same", bias=not batch_norm)
        if batch_norm:
            self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        x = self.conv(x)
        return torch.relu(self.bn(x) if hasattr(self, "bn") else x)


class Pool(nn.Module):
    def forward(self, x):
        rows = F.pad(x, (1, 1, 1, 1), value=-float("inf"))
        rows = torch.maximum(torch.maximum(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])
        return torch.maximum(torch.maximum(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])


class Inception(nn.Module):
    def __init__(self, in_channels, channels, reduction=True, large=5, batch_norm=False):
        super().__init__()
        one, before3, three, before5, five, behind = channels
        self.out_channels = one + three + five + (behind if reduction else in_channels)
        make = lambda i, o, k: Unit(i, o, k, batch_norm)
        self.branch1 = make(in_channels, one, 1)
        for name, small, kernel, outputs in (("branch2", before3, 3, three), ("branch3", before5, large, five)):
            branch = nn.Sequential(make(in_channels, small, 1), make(small, outputs, kernel))
            if not reduction:
                branch = nn.Sequential(nn.Identity(), make(in_channels, outputs, kernel))
            self.add_module(name, branch)
        self.branch4 = nn.Sequential(Pool())
        if reduction:
            self.branch4.append(make(in_channels, behind, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=-3)
