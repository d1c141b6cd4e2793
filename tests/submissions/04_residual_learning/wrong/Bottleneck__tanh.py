"""Uses tanh for ReLU."""

FAILS = "test_agrees_with_the_formula"

from torch import nn


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(
        self, in_channels, channels, stride=1, shortcut="projection", residual=True, stride_in="1x1"
    ):
        super().__init__()
        if stride_in not in ("1x1", "3x3"):
            raise ValueError(stride_in)
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.Tanh()
        self.residual = residual
        self.downsample = make_shortcut(shortcut, in_channels, 4 * channels, stride) if residual else None

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.residual:
            out = out + self.downsample(x)
        return self.relu(out)
