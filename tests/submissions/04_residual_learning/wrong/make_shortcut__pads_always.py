"""Pads by nothing where the shape stays, instead of giving an nn.Identity."""

from torch import nn

FAILS = "test_the_identity_where_the_shape_stays"


def make_shortcut(kind, in_channels, out_channels, stride):
    if kind not in ("padding", "projection", "all projections"):
        raise ValueError(kind)
    changes = in_channels != out_channels or stride != 1
    if kind == "all projections" or (kind == "projection" and changes):
        conv = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(out_channels))
    return PaddingShortcut(out_channels, stride)
