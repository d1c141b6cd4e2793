"""tanh for ReLU."""

FAILS = "test_negative_values_become_zero_and_positive_ones_stay"

from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.Tanh()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))
