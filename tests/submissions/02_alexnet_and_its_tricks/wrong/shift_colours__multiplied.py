"""Multiplies the image by the colour."""

FAILS = "test_worked_example"


def shift_colours(images, values, directions, alphas):
    return images * (1 + ((alphas * values) @ directions.T)[:, :, None, None])
