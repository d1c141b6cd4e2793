"""Crops the mirrored image, whose top left is the mirrored top right."""

FAILS = "test_the_other_five_are_mirrored"

import torch


def ten_crops(images, size):
    middle = center_crop(images, size)
    crops = [images[..., :size, :size], images[..., :size, -size:], images[..., -size:, :size], images[..., -size:, -size:], middle]
    mirrored = images.flip(-1)
    others = [mirrored[..., :size, :size], mirrored[..., :size, -size:]]
    others += [mirrored[..., -size:, :size], mirrored[..., -size:, -size:], center_crop(mirrored, size)]
    return torch.stack([*crops, *others], dim=1)
