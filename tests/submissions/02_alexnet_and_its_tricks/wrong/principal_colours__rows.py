"""Returns the directions as rows."""

FAILS = "test_directions_are_columns"

import torch


def principal_colours(images):
    pixels = images.transpose(0, 1).flatten(1)
    pixels = pixels - pixels.mean(1, keepdim=True)
    values, directions = torch.linalg.eigh(pixels @ pixels.T / pixels.shape[1])
    return values.flip(0), directions.flip(1).T
