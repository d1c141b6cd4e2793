"""Refuses whenever there is more than one group."""

FAILS = "test_groups"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if groups != 1:
        raise ValueError("groups")
    return out_channels * height * width * kernel**2 * in_channels
