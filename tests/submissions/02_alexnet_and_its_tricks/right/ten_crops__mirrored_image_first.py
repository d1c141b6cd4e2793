"""Crops image and mirror image, and puts the second five in order."""

import torch


def ten_crops(images, size):
    def five(x):
        top, bottom = x[:, :, :size], x[:, :, -size:]
        corners = [top[..., :size], top[..., -size:], bottom[..., :size], bottom[..., -size:]]
        return [*corners, center_crop(x, size)]

    if min(images.shape[-2:]) < size:
        raise ValueError("too small")
    mirrored = five(images.flip(3))
    return torch.stack(five(images) + [mirrored[i] for i in (1, 0, 3, 2, 4)], 1)
