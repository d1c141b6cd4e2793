"""Takes every kernel to be odd: half of it to either side."""

FAILS = "test_strides_multiply"


def receptive_field(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += 2 * (kernel // 2) * step
        start -= padding * step
        step *= stride
    return size, step, start
