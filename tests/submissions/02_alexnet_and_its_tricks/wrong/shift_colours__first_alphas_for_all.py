"""Moves all images by the alphas of the first."""

FAILS = "test_each_image_has_its_own_alphas"


def shift_colours(images, values, directions, alphas):
    return images + (directions @ (alphas[0] * values))[:, None, None]
