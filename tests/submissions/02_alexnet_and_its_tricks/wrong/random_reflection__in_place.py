"""Mirrors in the caller's own images."""

FAILS = "test_each_image_is_as_it_was_or_mirrored"

import torch


def random_reflection(images, generator):
    coins = (torch.rand(len(images), generator=generator) < 0.5).to(images.device)
    images[coins] = images[coins].flip(-1)
    return images
