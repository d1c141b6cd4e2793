"""Positions from uniform floats, both at once."""

import torch
import torch.nn.functional as F


def random_crop(images, size, generator, padding=0):
    images = F.pad(images, (padding, padding, padding, padding))
    n, _, height, width = images.shape
    if height < size or width < size:
        raise ValueError("too small")
    places = torch.tensor([height - size + 1, width - size + 1])
    corners = (torch.rand(n, 2, generator=generator, dtype=torch.float64) * places).long()
    crops = [x.narrow(1, t, size).narrow(2, s, size) for x, (t, s) in zip(images, corners.tolist())]
    return torch.stack(crops)
