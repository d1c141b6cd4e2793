"""Repeats the channels of x instead of adding zeros."""

FAILS = "test_zeros_behind"

import torch


def padding_shortcut(x, channels, stride=1):
    kept = x[:, :, ::stride, ::stride]
    return torch.cat([kept] * -(-channels // x.shape[1]), 1)[:, :channels]
