"""Puts the zeros before the channels of x."""

FAILS = "test_zeros_behind"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, channels - x.shape[1], 0))
