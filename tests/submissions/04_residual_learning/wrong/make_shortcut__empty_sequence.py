"""Hands on x with an empty sequence, which is no nn.Identity."""

from torch import nn

FAILS = "test_the_identity_where_the_shape_stays"


def make_shortcut(kind, in_channels, out_channels, stride):
    if kind not in {"padding", "projection", "all projections"}:
        raise ValueError(f"unknown shortcut {kind}")
    layers = []
    if kind == "all projections" or (in_channels, 1) != (out_channels, stride):
        if kind == "padding":
            return PaddingShortcut(out_channels, stride)
        layers.append(nn.Conv2d(in_channels, out_channels, (1, 1), (stride, stride), 0, bias=False))
        layers.append(nn.BatchNorm2d(out_channels))
    return nn.Sequential(*layers)
