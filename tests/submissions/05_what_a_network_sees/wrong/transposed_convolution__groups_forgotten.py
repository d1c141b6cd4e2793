"""Ignores the groups, and repeats the channels until the number fits."""

FAILS = "test_groups"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    sizes = zip((height, width), signal.shape[2:], weight.shape[2:], stride, padding)
    missing = [size - ((n - 1) * s - 2 * p + k) for size, n, k, s, p in sizes]
    return F.conv_transpose2d(signal, weight, None, stride, padding, missing).repeat(1, groups, 1, 1)
