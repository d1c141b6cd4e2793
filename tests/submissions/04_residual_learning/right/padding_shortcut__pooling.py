"""Subsamples by max pooling over a single pixel."""

import torch
import torch.nn.functional as F


def padding_shortcut(x, channels, stride=1):
    out = F.avg_pool2d(x, kernel_size=1, stride=stride)
    if channels > x.size(1):
        zeros = torch.zeros_like(out[:, :1]).repeat(1, channels - x.size(1), 1, 1)
        out = torch.cat((out, zeros), 1)
    return out
