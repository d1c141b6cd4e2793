"""Mirrors the chosen ones in a copy."""

import torch


def random_reflection(images, generator):
    out = images.clone()
    chosen = torch.randint(2, (len(images),), generator=generator).bool().to(images.device)
    out[chosen] = images[chosen].flip(-1)
    return out
