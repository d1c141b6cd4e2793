"""Rounds to the nearest number."""

FAILS = "test_agrees_with_the_definition"

import math


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1 or size + 2 * padding < kernel:
        raise ValueError("no window fits")
    steps = round((size + 2 * padding - kernel) / stride)
    if ceil:
        steps = math.ceil((size + 2 * padding - kernel) / stride)
        if steps * stride >= size + padding:
            steps -= 1
    return steps + 1
