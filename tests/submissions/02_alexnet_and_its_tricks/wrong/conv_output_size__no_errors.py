"""Answers 0 or less where no window fits."""

FAILS = "test_nonsense_is_refused"


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    span = size + 2 * padding - kernel
    steps = -(-span // stride) if ceil else span // stride
    if ceil and steps * stride >= size + padding:
        steps -= 1
    return steps + 1
