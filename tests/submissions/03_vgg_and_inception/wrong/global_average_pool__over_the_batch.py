"""Averages over the images, too."""

FAILS = "test_every_image_and_channel_by_itself"


def global_average_pool(x):
    return x.mean(dim=(0, 2, 3))
