"""Mixes up rows and columns."""

FAILS = "test_every_position_is_equally_likely"

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    tops = torch.randint(width - size + 1, (n,), generator=generator).clamp(max=height - size)
    lefts = torch.randint(height - size + 1, (n,), generator=generator).clamp(max=width - size)
    return torch.stack([x[:, t : t + size, s : s + size] for x, t, s in zip(images, tops.tolist(), lefts.tolist())])
