"""Makes one long batch of all crops, in the wrong order for an unflatten."""

FAILS = "test_images_come_before_crops"

import torch


def ten_crops(images, size):
    middle = center_crop(images, size)
    crops = [images[..., :size, :size], images[..., :size, -size:], images[..., -size:, :size], images[..., -size:, -size:], middle]
    crops = torch.cat([*crops, *(crop.flip(-1) for crop in crops)])
    return crops.reshape(len(images), 10, images.shape[1], size, size)
