"""Computes in float64 where it can."""

import torch.nn.functional as F
from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x):
        out = F.conv2d(x.double(), self.conv.weight.double(), None, self.conv.stride, self.conv.padding)
        if self.conv.bias is not None:
            out = out + self.conv.bias.double()[:, None, None]
        return self.relu(self.bn(out.to(x.dtype)))
