"""One case after the other."""

from torch import nn


def make_shortcut(kind, in_channels, out_channels, stride):
    changes = in_channels != out_channels or stride != 1
    match kind:
        case "padding":
            return PaddingShortcut(out_channels, stride) if changes else nn.Identity()
        case "projection" if not changes:
            return nn.Identity()
        case "projection" | "all projections":
            conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(out_channels))
    raise ValueError(kind)
