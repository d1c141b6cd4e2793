"""Takes height and width to be those of the input, and subtracts the kernel."""

FAILS = "test_maps_need_not_be_square"


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if in_channels % groups or out_channels % groups:
        raise ValueError("uneven groups")
    return out_channels * (height - kernel + 1) * (width - kernel + 1) * kernel**2 * (in_channels // groups)
