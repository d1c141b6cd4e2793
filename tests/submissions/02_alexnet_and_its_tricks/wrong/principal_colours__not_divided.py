"""Adds up instead of taking the mean."""

FAILS = "test_black_and_white"

import torch


def principal_colours(images):
    pixels = images.transpose(0, 1).flatten(1)
    pixels = pixels - pixels.mean(1, keepdim=True)
    values, directions = torch.linalg.eigh(pixels @ pixels.T)
    return values.flip(0), directions.flip(1)
