"""Cuts values off at 0 and 1."""

FAILS = "test_values_may_leave_the_range"


def shift_colours(images, values, directions, alphas):
    return (images + ((alphas * values) @ directions.T)[:, :, None, None]).clamp(0, 1)
