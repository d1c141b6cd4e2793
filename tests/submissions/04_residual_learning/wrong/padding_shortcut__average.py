"""Averages the pixels of each window instead of keeping one."""

FAILS = "test_every_other_row_and_column"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    kept = F.avg_pool2d(x, stride, ceil_mode=True)
    return F.pad(kept, (0, 0, 0, 0, 0, channels - x.shape[1]))
