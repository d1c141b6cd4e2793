"""Takes a corner twice instead of the middle."""

FAILS = "test_the_middle_is_the_fifth"

import torch


def ten_crops(images, size):
    middle = center_crop(images, size)
    crops = [images[..., :size, :size], images[..., :size, -size:], images[..., -size:, :size], images[..., -size:, -size:], images[..., -size:, -size:]]
    return torch.stack([*crops, *(crop.flip(-1) for crop in crops)], dim=1)
