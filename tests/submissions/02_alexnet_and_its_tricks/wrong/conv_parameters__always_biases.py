"""Does not look at the argument bias."""

FAILS = "test_without_biases"


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups do not divide the channels")
    return out_channels * ((in_channels // groups) * kernel * kernel + 1)
