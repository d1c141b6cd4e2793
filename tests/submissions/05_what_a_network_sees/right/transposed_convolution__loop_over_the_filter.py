"""Lays the filter down, one of its rows and columns at a time."""

import torch


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    (b, n, h, w), (_, c, kh, kw) = signal.shape, weight.shape
    full = signal.new_zeros(
        b, groups, c, max(height + 2 * padding[0], (h - 1) * stride[0] + kh), max(width + 2 * padding[1], (w - 1) * stride[1] + kw)
    )
    parts = signal.view(b, groups, n // groups, h, w)
    filters = weight.view(groups, n // groups, c, kh, kw)
    for i in range(kh):
        for j in range(kw):
            added = torch.einsum("bgnhw,gnc->bgchw", parts, filters[..., i, j])
            full[..., i : i + (h - 1) * stride[0] + 1 : stride[0], j : j + (w - 1) * stride[1] + 1 : stride[1]] += added
    full = full[..., padding[0] : padding[0] + height, padding[1] : padding[1] + width]
    return full.reshape(b, groups * c, height, width)
