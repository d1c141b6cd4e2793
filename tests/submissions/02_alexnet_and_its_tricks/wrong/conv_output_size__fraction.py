"""Divides with /: 3.5 places."""

FAILS = "test_the_last_window_has_to_fit"


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1 or size + 2 * padding < kernel:
        raise ValueError("no window fits")
    return (size + 2 * padding - kernel) / stride + 1
