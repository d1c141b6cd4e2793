"""Four loops, and a list of the windows' corners that PyTorch's sizes allow."""

import torch
import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    pooled = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)
    switches = torch.zeros_like(pooled, dtype=torch.int64)
    height, width = x.shape[-2:]
    for r in range(pooled.shape[2]):
        top, bottom = max(r * stride - padding, 0), min(r * stride - padding + kernel, height)
        for c in range(pooled.shape[3]):
            left, right = max(c * stride - padding, 0), min(c * stride - padding + kernel, width)
            window = x[:, :, top:bottom, left:right].flatten(2)
            place = window.argmax(2)
            switches[:, :, r, c] = (top + place // (right - left)) * width + left + place % (right - left)
    return pooled, switches
