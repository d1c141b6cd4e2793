"""Gives each channel of a filter a range of its own: the colours are wrong."""

FAILS = "test_channels_share_one_range"

import torch


def filters_as_images(weight):
    largest = weight.abs().amax(dim=(2, 3), keepdim=True)
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (127.5 + 127.5 * scaled).round().to(torch.uint8).permute(0, 2, 3, 1)
