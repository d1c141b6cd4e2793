"""Convolves with the channels exchanged, and does not transpose the filters themselves."""

FAILS = "test_one_value_draws_its_filter"

import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    kernel = weight.shape[2:]
    spread = F.interpolate(signal, scale_factor=tuple(float(s) for s in stride))
    wide = F.pad(spread, (kernel[1] - 1, kernel[1] - 1, kernel[0] - 1, kernel[0] - 1))
    result = F.conv2d(wide, weight.transpose(0, 1))
    return result[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
