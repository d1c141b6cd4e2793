"""Adds in the caller's own images."""

FAILS = "test_worked_example"


def shift_colours(images, values, directions, alphas):
    images += ((alphas * values) @ directions.T)[:, :, None, None]
    return images
