"""Puts the identity matrix into rows and columns of each kernel."""

FAILS = "test_one_channel"

import torch


def identity_kernel(channels, kernel=3):
    return torch.eye(kernel).repeat(channels, channels, 1, 1)
