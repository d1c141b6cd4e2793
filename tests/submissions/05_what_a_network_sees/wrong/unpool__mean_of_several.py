"""Averages values with the same switch."""

FAILS = "test_a_shared_maximum"

import torch


def unpool(pooled, switches, height, width):
    places, values = switches.flatten(2), pooled.flatten(2)
    image = pooled.new_zeros(*pooled.shape[:2], height * width)
    count = image.scatter_add(2, places, torch.ones_like(values))
    return (image.scatter_add(2, places, values) / count.clamp(min=1)).unflatten(2, (height, width))
