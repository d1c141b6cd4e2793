"""Averages: nothing remembers anything."""

FAILS = "test_worked_example"

import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    _, switches = F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil, return_indices=True)
    return F.avg_pool2d(x, kernel, stride, padding, ceil_mode=ceil), switches
