"""Does not look whether the groups divide the channels."""

FAILS = "test_groups_must_divide_the_channels"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    return out_channels * height * width * kernel**2 * (in_channels // groups)
