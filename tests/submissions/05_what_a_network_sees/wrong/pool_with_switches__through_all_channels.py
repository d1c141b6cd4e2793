"""Goes on counting from one channel to the next."""

FAILS = "test_each_channel_and_image_by_itself"

import torch
import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    pooled, switches = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil, return_indices=True)
    offset = torch.arange(x.shape[0] * x.shape[1], device=x.device) * x.shape[2] * x.shape[3]
    return pooled, switches + offset.view(*x.shape[:2], 1, 1)
