"""Makes whole numbers, which no convolution of floats takes."""

FAILS = "test_one_channel"

import torch


def identity_kernel(channels, kernel=3):
    weight = torch.zeros(channels, channels, kernel, kernel, dtype=torch.int64)
    weight[range(channels), range(channels), kernel // 2, kernel // 2] = 1
    return weight
