"""Takes the largest value for the largest absolute value: strong negative weights wrap around."""

FAILS = "test_agrees_with_the_definition"

import torch


def filters_as_images(weight):
    largest = weight.amax(dim=(1, 2, 3), keepdim=True)
    scaled = weight / torch.where(largest != 0, largest, 1)
    return (127.5 + 127.5 * scaled).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
