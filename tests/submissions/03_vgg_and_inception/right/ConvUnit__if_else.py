"""Two cases, and a forward that asks which it is."""

from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=padding, bias=not batch_norm)
        if batch_norm:
            self.bn = nn.BatchNorm2d(num_features=out_channels, eps=1e-3)
        else:
            self.bn = nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.conv(x)
        if not isinstance(self.bn, nn.Identity):
            x = self.bn(x)
        return self.relu(x)
