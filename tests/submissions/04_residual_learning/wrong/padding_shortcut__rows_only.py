"""Applies the stride to the rows alone."""

FAILS = "test_every_other_row_and_column"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    return F.pad(x[:, :, ::stride], (0, 0, 0, 0, 0, channels - x.shape[1]))
