"""Shows absolute values: what a filter is for and what it is against look the same."""

FAILS = "test_worked_example"

import torch


def filters_as_images(weight):
    size = weight.abs()
    largest = size.amax(dim=(1, 2, 3), keepdim=True)
    return (255 * size / torch.where(largest > 0, largest, 1)).round().to(torch.uint8).permute(0, 2, 3, 1)
