"""Counts rows as long as the pooled map is wide."""

FAILS = "test_worked_example"

import torch
import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    pooled, switches = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil, return_indices=True)
    width = x.shape[3]
    return pooled, switches // width * pooled.shape[3] + switches % width
