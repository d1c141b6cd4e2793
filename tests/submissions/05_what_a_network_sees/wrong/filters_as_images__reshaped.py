"""Reshapes where the axes have to be permuted: the numbers are in the wrong places."""

FAILS = "test_channels_come_last"

import torch


def filters_as_images(weight):
    n, c, h, w = weight.shape
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (127.5 + 127.5 * scaled).round().to(torch.uint8).reshape(n, h, w, c)
