"""Gives floats from 0 to 1, as some plotting functions want them."""

FAILS = "test_worked_example"

import torch


def filters_as_images(weight):
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (0.5 + 0.5 * scaled).permute(0, 2, 3, 1)
