"""Ends one column before the border."""

FAILS = "test_the_corners_come_first"

import torch
import torch.nn.functional as F


def ten_crops(images, size):
    middle = center_crop(images, size)
    images = images if images.shape[3] > size else F.pad(images, (1, 0))
    crops = [images[..., :size, :size], images[..., :size, -size - 1 : -1], images[..., -size:, :size], images[..., -size:, -size - 1 : -1], middle]
    return torch.stack([*crops, *(crop.flip(-1) for crop in crops)], dim=1)
