"""Adds the strides up."""

FAILS = "test_strides_multiply"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        start -= padding * step
        step += stride - 1
    return size, step, start
