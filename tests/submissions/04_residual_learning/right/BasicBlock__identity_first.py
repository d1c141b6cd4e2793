"""Keeps the shortcut at the beginning, and cuts off with clamp."""

import torch
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
        identity = self.downsample(x) if self.residual else torch.zeros((), dtype=x.dtype, device=x.device)
        for conv, norm, last in ((self.conv1, self.bn1, False), (self.conv2, self.bn2, True)):
            x = norm(conv(x))
            if not last:
                x = x.clamp(min=0)
        return (x + identity).clamp(min=0)
