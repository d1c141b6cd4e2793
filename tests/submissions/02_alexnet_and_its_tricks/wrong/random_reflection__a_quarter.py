"""Asks for two coins at once: a quarter is mirrored."""

FAILS = "test_half_of_them_are_mirrored"

import torch


def random_reflection(images, generator):
    coins = ((torch.rand(len(images), 2, generator=generator) < 0.5).all(1)).to(images.device)
    return torch.where(coins[:, None, None, None], images.flip(-1), images)
