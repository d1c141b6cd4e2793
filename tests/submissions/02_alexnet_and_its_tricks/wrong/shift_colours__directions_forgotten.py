"""Adds to red, green and blue directly."""

FAILS = "test_directions_are_columns"


def shift_colours(images, values, directions, alphas):
    return images + (alphas * values)[:, :, None, None]
