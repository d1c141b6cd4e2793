"""Multiplies by the layer's own stride before it widens the field."""

FAILS = "test_a_stride_matters_to_the_layers_behind_it"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        step *= stride
        size += (kernel - 1) * step
        start -= padding * step
    return size, step, start
