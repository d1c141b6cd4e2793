"""Mirrors every image."""

FAILS = "test_half_of_them_are_mirrored"


def random_reflection(images, generator):
    return images.flip(-1)
