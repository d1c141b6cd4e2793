"""Leaves the last window out, whatever `ceil` says."""

FAILS = "test_a_last_window_that_sticks_out"

import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    return F.max_pool2d(x, kernel, stride, padding, return_indices=True)
