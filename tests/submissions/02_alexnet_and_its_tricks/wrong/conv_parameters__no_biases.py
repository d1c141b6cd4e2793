"""Counts weights only."""

FAILS = "test_alexnets_first_layer"


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups do not divide the channels")
    return out_channels * (in_channels // groups) * kernel * kernel
