"""Adds a random colour of its own to every pixel."""

FAILS = "test_all_pixels_move_alike"

import torch


def shift_colours(images, values, directions, alphas):
    n, _, height, width = images.shape
    jitter = torch.randn(n, height, width, 3).to(images)
    shifts = (jitter * alphas[:, None, None] * values) @ directions.T
    return images + shifts.permute(0, 3, 1, 2)
