"""Computes the convolutions in float64, and comes back."""

import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, channels, stride=1, shortcut="projection", residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.residual = residual
        self.downsample = make_shortcut(shortcut, in_channels, channels, stride) if residual else None

    def forward(self, x):
        out = F.conv2d(x.double(), self.conv1.weight.double(), stride=self.conv1.stride, padding=1)
        out = self.relu(self.bn1(out.to(x.dtype)))
        out = F.conv2d(out.double(), self.conv2.weight.double(), padding=1)
        out = self.bn2(out.to(x.dtype))
        if self.residual:
            out = out + self.downsample(x)
        return self.relu(out)
