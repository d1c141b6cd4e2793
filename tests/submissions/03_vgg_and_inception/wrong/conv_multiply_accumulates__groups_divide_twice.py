"""Divides the filters by the groups as well as the channels that they see."""

FAILS = "test_groups"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("uneven groups")
    return (out_channels // groups) * height * width * kernel**2 * (in_channels // groups)
