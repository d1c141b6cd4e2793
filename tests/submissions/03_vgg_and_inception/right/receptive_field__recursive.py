"""One layer less, and then one more."""

def receptive_field(layers):
    if not layers:
        return 1, 1, 0
    *before, (kernel, stride, padding) = layers
    size, step, start = receptive_field(before)
    return size + (kernel - 1) * step, step * stride, start - padding * step
