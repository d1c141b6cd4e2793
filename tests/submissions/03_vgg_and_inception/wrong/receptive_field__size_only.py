"""Gives the size alone."""

FAILS = "test_one_layer_sees_its_window"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        step *= stride
    return size
