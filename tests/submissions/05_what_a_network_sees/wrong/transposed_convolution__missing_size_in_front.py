"""Puts the rows and columns that fell off the end at the beginning."""

FAILS = "test_the_size_that_was"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    result = F.conv_transpose2d(signal, weight, None, stride, padding, 0, groups)
    return F.pad(result, (width - result.shape[3], 0, height - result.shape[2], 0))
