"""Cuts input and output channels, and forgets that there are several groups."""

FAILS = "test_groups_make_filters_thinner"


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups do not divide the channels")
    weights = (out_channels // groups) * (in_channels // groups) * kernel * kernel
    return weights + out_channels if bias else weights
