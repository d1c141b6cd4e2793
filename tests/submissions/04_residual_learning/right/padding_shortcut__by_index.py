"""Picks rows and columns by their numbers, channel by channel."""

import torch


def padding_shortcut(x, channels, stride=1):
    rows, columns = range(0, x.shape[2], stride), range(0, x.shape[3], stride)
    small = x[:, :, list(rows)][:, :, :, list(columns)]
    maps = [small[:, c] if c < x.shape[1] else 0 * small[:, 0] for c in range(channels)]
    return torch.stack(maps, dim=1)
