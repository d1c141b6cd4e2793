"""Goes through the layers backwards."""

FAILS = "test_a_stride_matters_to_the_layers_behind_it"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in reversed(layers):
        size += (kernel - 1) * step
        start -= padding * step
        step *= stride
    return size, step, start
