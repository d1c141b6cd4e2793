"""Pastes into a canvas of floats, whatever the dtype was."""

FAILS = "test_crops_are_pieces_of_the_image"

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    out = torch.zeros(n, images.shape[1], size, size, device=images.device)
    for i in range(n):
        top = int(torch.randint(height - size + 1, (1,), generator=generator))
        left = int(torch.randint(width - size + 1, (1,), generator=generator))
        out[i] = images[i, :, top : top + size, left : left + size]
    return out
