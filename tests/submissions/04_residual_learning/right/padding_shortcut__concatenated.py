"""Concatenates zeros of x's own kind."""

import torch


def padding_shortcut(x, channels, stride=1):
    kept = x[..., ::stride, ::stride]
    batch, old, height, width = kept.shape
    return torch.cat([kept, kept.new_zeros(batch, channels - old, height, width)], dim=1)
