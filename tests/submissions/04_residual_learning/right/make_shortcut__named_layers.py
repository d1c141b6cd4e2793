"""A table of what each kind does where the shape stays and where it changes; the layers are named one by one."""

from collections import OrderedDict

from torch import nn

WHAT = {
    "padding": ("identity", "pad"),
    "projection": ("identity", "project"),
    "all projections": ("project", "project"),
}


def make_shortcut(kind, in_channels, out_channels, stride):
    try:
        stays, changes = WHAT[kind]
    except KeyError:
        raise ValueError(f"{kind!r}: one of {sorted(WHAT)}") from None
    what = stays if stride == 1 and in_channels == out_channels else changes
    if what == "identity":
        return nn.Identity()
    if what == "pad":
        return PaddingShortcut(channels=out_channels, stride=stride)
    layers = OrderedDict()
    layers["0"] = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=(stride, stride), bias=False)
    layers["1"] = nn.BatchNorm2d(num_features=out_channels)
    return nn.Sequential(layers)
