"""Adds `channels` channels, though that is how many there should be in the end."""

FAILS = "test_zeros_behind"

import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, channels))
