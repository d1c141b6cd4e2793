"""Multiplies the kernels, as if every layer were a pooling without overlap."""

FAILS = "test_three_small_filters_see_as_far_as_a_large_one"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size *= kernel
        start -= padding * step
        step *= stride
    return size, step, start
