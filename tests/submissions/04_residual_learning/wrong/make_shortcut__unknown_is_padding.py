"""Takes every unknown kind for a projection."""

FAILS = "test_unknown_kinds"

from torch import nn


def make_shortcut(kind, in_channels, out_channels, stride):
    if stride == 1 and in_channels == out_channels and kind != "all projections":
        return nn.Identity()
    if kind == "padding":
        return PaddingShortcut(out_channels, stride)
    conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))
