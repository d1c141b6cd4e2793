"""Reshapes to [3, -1], which mixes the colours of several images."""

FAILS = "test_a_pixel_is_a_red_a_green_and_a_blue"

import torch


def principal_colours(images):
    pixels = images.reshape(3, -1)
    pixels = pixels - pixels.mean(1, keepdim=True)
    values, directions = torch.linalg.eigh(pixels @ pixels.T / pixels.shape[1])
    return values.flip(0), directions.flip(1)
