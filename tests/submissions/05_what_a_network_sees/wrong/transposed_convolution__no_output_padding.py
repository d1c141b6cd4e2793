"""Forgets the rows and columns that fell off the end."""

FAILS = "test_the_size_that_was"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    return F.conv_transpose2d(signal, weight, None, stride, padding, 0, groups)
