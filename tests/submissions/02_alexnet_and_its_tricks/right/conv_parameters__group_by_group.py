"""Adds up the groups, each a convolution of its own."""


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups do not divide the channels")
    total = 0
    for _ in range(groups):
        total += (in_channels // groups) * (out_channels // groups) * kernel**2
    return total + bias * out_channels
