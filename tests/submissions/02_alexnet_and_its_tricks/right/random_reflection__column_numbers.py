"""Counts columns backwards where a coin says so."""

import torch


def random_reflection(images, generator):
    width = images.shape[-1]
    coins = torch.randint(0, 2, (images.shape[0],), generator=generator).tolist()
    backwards = list(range(width - 1, -1, -1))
    return torch.stack([x[:, :, backwards] if c == 1 else x for x, c in zip(images, coins)], dim=0)
