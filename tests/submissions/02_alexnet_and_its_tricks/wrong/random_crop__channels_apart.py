"""Takes every channel from a position of its own."""

FAILS = "test_crops_are_pieces_of_the_image"

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    crops = []
    for channel in images.reshape(-1, 1, height, width):
        top = int(torch.randint(height - size + 1, (1,), generator=generator))
        left = int(torch.randint(width - size + 1, (1,), generator=generator))
        crops.append(channel[:, top : top + size, left : left + size])
    return torch.cat(crops).reshape(n, -1, size, size)
