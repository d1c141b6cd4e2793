"""Walks back from one output value: which positions of each map does it need?"""

def receptive_field(layers):
    layers = list(layers)
    first, last, stride = 0, 0, 1
    for kernel, step, padding in reversed(layers):
        first = first * step - padding
        last = last * step - padding + kernel - 1
        stride = stride * step
    return last - first + 1, stride, first
