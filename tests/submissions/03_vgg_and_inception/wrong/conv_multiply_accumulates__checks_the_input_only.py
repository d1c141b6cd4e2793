"""Looks at the input channels only."""

FAILS = "test_groups_must_divide_the_channels"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if in_channels % groups:
        raise ValueError("uneven groups")
    return out_channels * height * width * kernel**2 * (in_channels // groups)
