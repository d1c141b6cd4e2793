"""Lets a last window see nothing but padding."""

FAILS = "test_ceil_adds_no_window_behind_the_image"


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1 or size + 2 * padding < kernel:
        raise ValueError("no window fits")
    span = size + 2 * padding - kernel
    return (-(-span // stride) if ceil else span // stride) + 1
