"""Takes the channels in reverse."""

FAILS = "test_channels_are_not_mixed"

import torch


def identity_kernel(channels, kernel=3):
    weight = torch.zeros(channels, channels, kernel, kernel)
    weight[range(channels), range(channels - 1, -1, -1), kernel // 2, kernel // 2] = 1
    return weight
