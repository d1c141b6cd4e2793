"""A local abbreviation for the units, and lists of parts."""

import torch
from torch import nn


class Inception(nn.Module):
    def __init__(self, in_channels, channels, reduction=True, large=5, batch_norm=False):
        super().__init__()

        def unit(inputs, outputs, kernel=1):
            return ConvUnit(inputs, outputs, kernel, 1, (kernel - 1) // 2, batch_norm)

        c1, r3, c3, r5, c5, p = channels
        nothing = nn.Identity()
        self.branch1 = unit(in_channels, c1)
        if reduction:
            parts3 = [unit(in_channels, r3), unit(r3, c3, 3)]
            parts5 = [unit(in_channels, r5), unit(r5, c5, large)]
            after = unit(in_channels, p)
        else:
            parts3 = [nothing, unit(in_channels, c3, 3)]
            parts5 = [nothing, unit(in_channels, c5, large)]
            after = nothing
        self.branch2 = nn.Sequential(*parts3)
        self.branch3 = nn.Sequential(*parts5)
        self.branch4 = nn.Sequential(nn.MaxPool2d(kernel_size=3, stride=1, padding=1, dilation=1), after)
        self.out_channels = c1 + c3 + c5 + (p if reduction else in_channels)

    def forward(self, x):
        a, b, c, d = self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)
        return torch.concatenate((a, b, c, d), 1)
