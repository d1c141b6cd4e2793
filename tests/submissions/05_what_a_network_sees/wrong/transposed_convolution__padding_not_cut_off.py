"""Forgets the padding: everything has moved down and to the right."""

FAILS = "test_padding_is_cut_off"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    result = F.conv_transpose2d(signal, weight, None, stride, 0, 0, groups)
    result = F.pad(result, (0, max(0, width - result.shape[3]), 0, max(0, height - result.shape[2])))
    return result[:, :, :height, :width]
