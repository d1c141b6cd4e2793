"""Makes zeros in float32 on the CPU, whatever x is."""

FAILS = "test_dtype_and_device_stay"

import torch


def padding_shortcut(x, channels, stride=1):
    kept = x[:, :, ::stride, ::stride]
    zeros = torch.zeros(len(x), channels - x.shape[1], kept.shape[2], kept.shape[3])
    return torch.cat([kept, zeros], 1)
