"""The 1x1 before the pooling."""

FAILS = "test_with_reduction_agrees_with_the_reference"

import torch
from torch import nn


class Inception(nn.Module):
    def __init__(self, in_channels, channels, reduction=True, large=5, batch_norm=False):
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = channels
        if not reduction:
            reduce3 = reduce5 = pooled = in_channels
        self.out_channels = one + three + five + pooled
        self.branch1 = ConvUnit(in_channels, one, batch_norm=batch_norm)
        self.branch2 = nn.Sequential(
            ConvUnit(in_channels, reduce3, batch_norm=batch_norm) if reduction else nn.Identity(),
            ConvUnit(reduce3, three, 3, padding=1, batch_norm=batch_norm),
        )
        self.branch3 = nn.Sequential(
            ConvUnit(in_channels, reduce5, batch_norm=batch_norm) if reduction else nn.Identity(),
            ConvUnit(reduce5, five, large, padding=large // 2, batch_norm=batch_norm),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            ConvUnit(in_channels, pooled, batch_norm=batch_norm) if reduction else nn.Identity(),
        )

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4[0](self.branch4[1](x))], dim=1)
