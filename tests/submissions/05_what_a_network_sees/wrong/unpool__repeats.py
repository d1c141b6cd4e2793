"""Ignores the switches: fills each window with its value."""

FAILS = "test_the_switches_decide"

import torch.nn.functional as F


def unpool(pooled, switches, height, width):
    return F.interpolate(pooled, size=(height, width), mode="nearest")
