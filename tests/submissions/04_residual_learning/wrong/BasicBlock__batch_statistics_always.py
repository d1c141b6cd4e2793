"""Normalises by the batch in evaluation as well."""

FAILS = "test_agrees_with_the_formula"

from torch import nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, channels, stride=1, shortcut="projection", residual=True):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.residual = residual
        self.downsample = make_shortcut(shortcut, in_channels, channels, stride) if residual else None

    def forward(self, x):
        out = self.relu(self.normalise(self.bn1, self.conv1(x)))
        out = self.normalise(self.bn2, self.conv2(out))
        if self.residual:
            out = out + self.downsample(x)
        return self.relu(out)

    def normalise(self, norm, x):
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        scale, shift = norm.weight.view(1, -1, 1, 1), norm.bias.view(1, -1, 1, 1)
        return (x - mean) / (var + norm.eps).sqrt() * scale + shift
