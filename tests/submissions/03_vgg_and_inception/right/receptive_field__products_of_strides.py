"""The sum over all layers, each with the product of the strides before it."""

import math


def receptive_field(layers):
    steps = [math.prod(stride for _, stride, _ in layers[:i]) for i in range(len(layers) + 1)]
    size = 1 + sum((kernel - 1) * step for (kernel, _, _), step in zip(layers, steps))
    start = -sum(padding * step for (_, _, padding), step in zip(layers, steps))
    return size, steps[-1], start
