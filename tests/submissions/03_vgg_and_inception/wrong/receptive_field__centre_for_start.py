"""Gives the centre of the field instead of its start."""

FAILS = "test_one_layer_sees_its_window"


def receptive_field(layers):
    size, step, start = 1, 1, 0.5
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        start += ((kernel - 1) / 2 - padding) * step
        step *= stride
    return size, step, int(start)
