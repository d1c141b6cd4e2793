"""tanh for ReLU."""

FAILS = "test_relu_comes_last"

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
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, groups=self.groups).tanh()
