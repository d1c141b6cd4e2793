"""Does not ask whether groups divide the channels."""

FAILS = "test_groups_have_to_divide_both"


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    weights = out_channels * (in_channels // groups) * kernel * kernel
    return weights + out_channels if bias else weights
