"""Adds one place for ceil, also where the last window fits exactly."""

FAILS = "test_ceil_lets_the_last_window_stick_out"


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1 or size + 2 * padding < kernel:
        raise ValueError("no window fits")
    return (size + 2 * padding - kernel) // stride + 1 + ceil
