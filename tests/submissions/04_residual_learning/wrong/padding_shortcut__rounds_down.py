"""Gives H // stride rows: the last of an odd number is lost."""

FAILS = "test_every_other_row_and_column"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    height, width = x.shape[2] // stride, x.shape[3] // stride
    kept = x[:, :, ::stride, ::stride][:, :, :height, :width]
    return F.pad(kept, (0, 0, 0, 0, 0, channels - x.shape[1]))
