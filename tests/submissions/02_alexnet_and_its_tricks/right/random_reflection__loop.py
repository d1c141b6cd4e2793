"""One coin after the other."""

import torch


def random_reflection(images, generator):
    out = []
    for image in images:
        heads = torch.rand(1, generator=generator).item() < 0.5
        out.append(image.flip(2) if heads else image)
    return torch.stack(out)
