"""Draws from torch's global generator."""

FAILS = "test_chance_comes_from_the_generator"

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    tops = torch.randint(height - size + 1, (n,))
    lefts = torch.randint(width - size + 1, (n,))
    return torch.stack([x[:, t : t + size, s : s + size] for x, t, s in zip(images, tops.tolist(), lefts.tolist())])
