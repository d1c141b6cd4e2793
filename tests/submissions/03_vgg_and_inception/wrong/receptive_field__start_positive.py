"""Gives how far the field sticks out, not where it starts."""

FAILS = "test_one_layer_sees_its_window"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        start += padding * step
        step *= stride
    return size, step, start
