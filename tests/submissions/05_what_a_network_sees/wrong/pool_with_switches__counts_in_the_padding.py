"""Counts places in the padded map."""

FAILS = "test_padding"

import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    wide = F.pad(x, (padding,) * 4, value=float("-inf"))
    return F.max_pool2d(wide, kernel, stride, ceil_mode=ceil, return_indices=True)
