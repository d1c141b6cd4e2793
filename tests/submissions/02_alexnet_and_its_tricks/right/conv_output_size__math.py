"""Rounds floats with the math module."""

import math


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel <= 0 or stride <= 0:
        raise ValueError
    steps = (size + 2 * padding - kernel) / stride
    if steps < 0:
        raise ValueError("too small")
    if not ceil:
        return math.floor(steps) + 1
    n = math.ceil(steps) + 1
    return n - 1 if (n - 1) * stride >= size + padding else n
