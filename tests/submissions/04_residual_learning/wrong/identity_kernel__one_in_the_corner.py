"""Puts the one into the corner."""

FAILS = "test_one_channel"

import torch


def identity_kernel(channels, kernel=3):
    weight = torch.zeros(channels, channels, kernel, kernel)
    weight[range(channels), range(channels), 0, 0] = 1
    return weight
