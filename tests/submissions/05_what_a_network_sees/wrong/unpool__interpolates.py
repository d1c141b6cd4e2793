"""Ignores the switches: enlarges the map smoothly."""

FAILS = "test_worked_example"

import torch.nn.functional as F


def unpool(pooled, switches, height, width):
    return F.interpolate(pooled, size=(height, width), mode="bilinear")
