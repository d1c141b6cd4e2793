"""Puts each mirror image behind its crop."""

FAILS = "test_the_corners_come_first"

import torch


def ten_crops(images, size):
    middle = center_crop(images, size)
    crops = [images[..., :size, :size], images[..., :size, -size:], images[..., -size:, :size], images[..., -size:, -size:], middle]
    return torch.stack([x for crop in crops for x in (crop, crop.flip(-1))], dim=1)
