"""Adds the kernel, as if windows did not overlap."""

FAILS = "test_three_small_filters_see_as_far_as_a_large_one"


def receptive_field(layers):
    size, step, start = 0, 1, 0
    for kernel, stride, padding in layers:
        size += kernel * step
        start -= padding * step
        step *= stride
    return max(size, 1), step, start
