"""Takes the rows of directions."""

FAILS = "test_directions_are_columns"


def shift_colours(images, values, directions, alphas):
    return images + ((alphas * values) @ directions)[:, :, None, None]
