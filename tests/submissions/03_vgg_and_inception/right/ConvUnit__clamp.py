"""clamp for the ReLU, an empty Sequential for the identity."""

from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, (kernel, kernel), (stride, stride), (padding, padding), bias=not batch_norm)
        self.bn = nn.Sequential()
        if batch_norm:
            self.bn = nn.BatchNorm2d(out_channels, 0.001)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.bn(self.conv(x)).clamp(min=0.0)
