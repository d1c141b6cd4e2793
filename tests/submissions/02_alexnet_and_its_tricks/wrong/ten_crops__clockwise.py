"""Goes round the corners clockwise."""

FAILS = "test_the_corners_come_first"

import torch


def ten_crops(images, size):
    middle = center_crop(images, size)
    crops = [images[..., :size, :size], images[..., :size, -size:], images[..., -size:, -size:], images[..., -size:, :size], middle]
    return torch.stack([*crops, *(crop.flip(-1) for crop in crops)], dim=1)
