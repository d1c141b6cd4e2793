"""Subtracts from each image its own mean."""

FAILS = "test_images_are_taken_together"

import torch


def principal_colours(images):
    images = images - images.mean((2, 3), keepdim=True)
    pixels = images.transpose(0, 1).flatten(1)
    values, directions = torch.linalg.eigh(pixels @ pixels.T / pixels.shape[1])
    return values.flip(0), directions.flip(1)
