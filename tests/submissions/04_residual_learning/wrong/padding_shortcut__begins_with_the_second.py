"""Keeps rows and columns from the second."""

FAILS = "test_every_other_row_and_column"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    kept = x[:, :, stride - 1 :: stride, stride - 1 :: stride]
    return F.pad(kept, (0, 0, 0, 0, 0, channels - x.shape[1]))
