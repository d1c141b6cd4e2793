"""Normalises by the batch in evaluation, too."""

FAILS = "test_normalises_by_what_it_remembers_in_evaluation"

from torch import nn


class ConvUnit(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=1, stride=1, padding=0, batch_norm=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.conv(x)
        if isinstance(self.bn, nn.BatchNorm2d):
            mean, variance = out.mean((0, 2, 3), keepdim=True), out.var((0, 2, 3), unbiased=False, keepdim=True)
            out = (out - mean) / (variance + 0.001).sqrt()
            out = out * self.bn.weight[:, None, None] + self.bn.bias[:, None, None]
        return self.relu(out)
