"""Lays the filters side by side without the stride, and fills up with zeros."""

FAILS = "test_overlaps_add_up"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    result = F.conv_transpose2d(signal, weight, None, 1, padding, 0, groups)
    result = F.pad(result, (0, width, 0, height))
    return result[:, :, :height, :width]
