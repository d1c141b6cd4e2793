"""Flattens the channels too: everything lands in the first channel of the first image."""

FAILS = "test_each_channel_and_image_by_itself"


def unpool(pooled, switches, height, width):
    image = pooled.new_zeros(*pooled.shape[:2], height, width)
    image.view(-1).scatter_add_(0, switches.flatten(), pooled.flatten())
    return image
