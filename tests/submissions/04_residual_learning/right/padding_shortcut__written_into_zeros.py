"""Writes into a tensor of zeros."""

import torch


def padding_shortcut(x, channels, stride=1):
    b, c, h, w = x.shape
    result = torch.zeros(b, channels, -(-h // stride), -(-w // stride), dtype=x.dtype, device=x.device)
    result[:, :c] = x[:, :, ::stride, ::stride]
    return result
