"""Divides a filter of zeros by zero."""

FAILS = "test_a_filter_of_zeros_is_grey"

import torch


def filters_as_images(weight):
    scaled = weight / weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    return (127.5 + 127.5 * scaled).round().to(torch.uint8).permute(0, 2, 3, 1)
