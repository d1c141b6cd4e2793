"""Gives a bias to every input channel."""

FAILS = "test_weights_and_biases_are_counted"


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    if in_channels % groups or out_channels % groups:
        raise ValueError("groups do not divide the channels")
    weights = out_channels * (in_channels // groups) * kernel * kernel
    return weights + in_channels if bias else weights
