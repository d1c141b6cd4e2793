"""A bias also where a batch normalisation follows."""

FAILS = "test_names_of_the_weights"

from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.bn(self.conv(x)))
