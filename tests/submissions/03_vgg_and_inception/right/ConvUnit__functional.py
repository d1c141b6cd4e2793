"""Its own parameters, and functions instead of modules."""

import torch.nn.functional as F
from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.normalised = batch_norm
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding)
        if batch_norm:
            self.conv.bias = None
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        conv = self.conv
        out = F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding)
        return F.relu(self.bn(out))
