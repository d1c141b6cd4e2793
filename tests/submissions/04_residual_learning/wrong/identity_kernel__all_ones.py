"""Fills the kernel with ones."""

FAILS = "test_one_channel"

import torch


def identity_kernel(channels, kernel=3):
    weight = torch.zeros(channels, channels, kernel, kernel)
    weight[range(channels), range(channels)] = 1
    return weight
