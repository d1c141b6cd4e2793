"""Divides all filters by one and the same number: weak filters stay grey."""

FAILS = "test_each_filter_has_its_own_range"

import torch


def filters_as_images(weight):
    largest = weight.abs().max()
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (127.5 + 127.5 * scaled).round().to(torch.uint8).permute(0, 2, 3, 1)
