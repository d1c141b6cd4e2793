"""Counts the weights, not how often they are used."""

FAILS = "test_alexnets_first_layer"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("uneven groups")
    return out_channels * kernel**2 * (in_channels // groups)
