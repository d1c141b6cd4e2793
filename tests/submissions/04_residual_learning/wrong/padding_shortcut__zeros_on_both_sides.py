"""Puts half of the zeros on either side."""

FAILS = "test_zeros_behind"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    extra = channels - x.shape[1]
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, extra // 2, extra - extra // 2))
