"""Mirrors top to bottom."""

FAILS = "test_the_other_five_are_mirrored"

import torch


def ten_crops(images, size):
    middle = center_crop(images, size)
    crops = [images[..., :size, :size], images[..., :size, -size:], images[..., -size:, :size], images[..., -size:, -size:], middle]
    return torch.stack([*crops, *(crop.flip(-2) for crop in crops)], dim=1)
