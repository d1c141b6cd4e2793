"""Counts padding in pixels instead of positions."""

FAILS = "test_padding_is_counted_in_positions"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        start -= padding
        step *= stride
    return size, step, start
