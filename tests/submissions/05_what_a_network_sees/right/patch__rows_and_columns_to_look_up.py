"""Clamps the indices and paints over what was outside."""

import torch


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    steps = torch.arange(size, device=image.device)
    y, x = steps + (start + row * stride), steps + (start + column * stride)
    h, w = image.shape[-2:]
    seen = image[:, y.clamp(0, h - 1)][:, :, x.clamp(0, w - 1)]
    missing = ((y < 0) | (y >= h))[:, None] | ((x < 0) | (x >= w))[None]
    return seen.masked_fill(missing, outside)
