"""Does not round: 127.5 becomes 127."""

FAILS = "test_worked_example"

import torch


def filters_as_images(weight):
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (127.5 + 127.5 * scaled).to(torch.uint8).permute(0, 2, 3, 1)
