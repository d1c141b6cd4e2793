"""One coin decides for all images."""

FAILS = "test_half_of_them_are_mirrored"

import torch


def random_reflection(images, generator):
    if torch.rand(1, generator=generator) < 0.5:
        return images.flip(-1)
    return images
