"""Draws for one image after the other and writes into a canvas."""

import torch


def random_crop(images, size, generator, padding=0):
    b, c, h, w = images.shape
    if size > h + 2 * padding or size > w + 2 * padding:
        raise ValueError(f"no crop of {size} in {h} x {w}")
    canvas = images.new_zeros(b, c, h + 2 * padding, w + 2 * padding)
    canvas[:, :, padding : padding + h, padding : padding + w] = images
    out = images.new_empty(b, c, size, size)
    for i in range(b):
        top = int(torch.randint(0, h + 2 * padding - size + 1, (1,), generator=generator))
        left = int(torch.randint(0, w + 2 * padding - size + 1, (1,), generator=generator))
        out[i] = canvas[i, :, top : top + size, left : left + size]
    return out
