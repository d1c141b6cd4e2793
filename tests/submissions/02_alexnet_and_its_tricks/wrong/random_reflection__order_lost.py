"""Puts the mirrored images in front of the others."""

FAILS = "test_images_stay_whole_and_apart"

import torch


def random_reflection(images, generator):
    coins = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
    return torch.cat([images[coins].flip(-1), images[~coins]])
