"""Counts multiplication and addition as two."""

FAILS = "test_a_single_product_counts_one"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("uneven groups")
    return 2 * out_channels * height * width * kernel**2 * (in_channels // groups)
