"""Puts a one into the middle of every kernel: each channel becomes the sum of all."""

FAILS = "test_channels_are_not_mixed"

import torch


def identity_kernel(channels, kernel=3):
    weight = torch.zeros(channels, channels, kernel, kernel)
    weight[:, :, kernel // 2, kernel // 2] = 1
    return weight
