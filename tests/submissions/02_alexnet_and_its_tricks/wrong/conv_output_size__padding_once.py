"""Adds the padding at one end only."""

FAILS = "test_padding_is_added_at_both_ends"


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1 or size + padding < kernel:
        raise ValueError("no window fits")
    span = size + padding - kernel
    steps = -(-span // stride) if ceil else span // stride
    if ceil and steps * stride >= size + padding:
        steps -= 1
    return steps + 1
