"""Forgets the eigenvalues."""

FAILS = "test_worked_example"


def shift_colours(images, values, directions, alphas):
    return images + (alphas @ directions.T)[:, :, None, None]
