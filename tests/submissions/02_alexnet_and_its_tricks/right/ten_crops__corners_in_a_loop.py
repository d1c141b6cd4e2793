"""All corners by row and column; no slices from the end."""

import torch


def ten_crops(images, size):
    h, w = images.shape[2:]
    if h < size or w < size:
        raise ValueError("too small")
    corners = [(t, s) for t in (0, h - size) for s in (0, w - size)] + [((h - size) // 2, (w - size) // 2)]
    five = [images[:, :, t : t + size, s : s + size] for t, s in corners]
    return torch.stack(five + [torch.flip(crop, dims=(3,)) for crop in five], dim=1)
