"""Refuses images that are large enough when padded."""

FAILS = "test_too_small_images_are_refused"

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    if min(images.shape[2:]) < size:
        raise ValueError("too small")
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    tops = torch.randint(height - size + 1, (n,), generator=generator)
    lefts = torch.randint(width - size + 1, (n,), generator=generator)
    return torch.stack([x[:, t : t + size, s : s + size] for x, t, s in zip(images, tops.tolist(), lefts.tolist())])
