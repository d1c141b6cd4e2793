"""Gives every channel the first filter."""

FAILS = "test_channels"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    sizes = zip((height, width), signal.shape[2:], weight.shape[2:], stride, padding)
    missing = [size - ((n - 1) * s - 2 * p + k) for size, n, k, s, p in sizes]
    return F.conv_transpose2d(signal, weight[:1].expand_as(weight), None, stride, padding, missing, groups)
