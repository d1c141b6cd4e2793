"""Counts steps instead of places: the + 1 is missing."""

FAILS = "test_places_are_counted"


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1 or size + 2 * padding < kernel:
        raise ValueError("no window fits")
    span = size + 2 * padding - kernel
    return -(-span // stride) if ceil else span // stride
