"""Takes the same number for top and left."""

FAILS = "test_every_position_is_equally_likely"

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    tops = lefts = torch.randint(min(height, width) - size + 1, (n,), generator=generator)
    return torch.stack([x[:, t : t + size, s : s + size] for x, t, s in zip(images, tops.tolist(), lefts.tolist())])
