"""Ignores the stride: windows never overlap."""

FAILS = "test_overlapping_windows"

import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    return F.max_pool2d(x, kernel, padding=padding, ceil_mode=ceil, return_indices=True)
