"""Makes the weights of a grouped convolution."""

FAILS = "test_channels_are_not_mixed"

import torch


def identity_kernel(channels, kernel=3):
    weight = torch.zeros(channels, 1, kernel, kernel)
    weight[:, 0, kernel // 2, kernel // 2] = 1
    return weight
