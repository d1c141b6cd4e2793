"""A coin for every row of pixels."""

FAILS = "test_images_stay_whole_and_apart"

import torch


def random_reflection(images, generator):
    coins = torch.rand(*images.shape[:3], 1, generator=generator) < 0.5
    return torch.where(coins.to(images.device), images.flip(-1), images)
