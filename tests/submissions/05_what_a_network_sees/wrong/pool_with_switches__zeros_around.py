"""Pads with zeros, which win against negative values."""

FAILS = "test_padding"

import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    wide = F.pad(x, (padding,) * 4)
    pooled, switches = F.max_pool2d(wide, kernel, stride, ceil_mode=ceil, return_indices=True)
    row, column = switches // wide.shape[3] - padding, switches % wide.shape[3] - padding
    return pooled, row * x.shape[3] + column
