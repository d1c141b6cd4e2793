"""Draws from torch's global generator."""

FAILS = "test_chance_comes_from_the_generator"

import torch


def random_reflection(images, generator):
    coins = (torch.rand(len(images)) < 0.5).to(images.device)
    return torch.where(coins[:, None, None, None], images.flip(-1), images)
