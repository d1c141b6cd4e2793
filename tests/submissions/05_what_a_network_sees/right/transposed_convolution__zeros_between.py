"""Puts zeros between the values, and convolves with the filters turned around."""

import torch
import torch.nn.functional as F


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    (b, n, h, w), (_, c, kh, kw) = signal.shape, weight.shape
    spread = signal.new_zeros(b, n, (h - 1) * stride[0] + 1, (w - 1) * stride[1] + 1)
    spread[:, :, :: stride[0], :: stride[1]] = signal
    turned = weight.flip(2, 3).reshape(groups, n // groups, c, kh, kw).transpose(1, 2).reshape(groups * c, n // groups, kh, kw)
    full = F.conv2d(F.pad(spread, (kw - 1, kw - 1, kh - 1, kh - 1)), turned, groups=groups)
    missing = [max(0, p + size - n) for p, size, n in zip(padding, (height, width), full.shape[2:])]
    full = F.pad(full, (0, missing[1], 0, missing[0]))
    return full[:, :, padding[0] : padding[0] + height, padding[1] : padding[1] + width]
