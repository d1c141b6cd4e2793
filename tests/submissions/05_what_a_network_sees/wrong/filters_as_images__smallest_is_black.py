"""Stretches from the smallest to the largest value, so that zero is no longer grey."""

FAILS = "test_zero_is_grey"

import torch


def filters_as_images(weight):
    low, high = weight.amin((1, 2, 3), keepdim=True), weight.amax((1, 2, 3), keepdim=True)
    span = torch.where(high > low, high - low, 1)
    return (255 * (weight - low) / span).round().to(torch.uint8).permute(0, 2, 3, 1)
