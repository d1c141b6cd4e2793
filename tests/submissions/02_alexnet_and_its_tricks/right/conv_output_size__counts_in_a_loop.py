"""Moves the window and counts."""


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if kernel < 1 or stride < 1:
        raise ValueError("a window needs pixels and a stride")
    start, count = -padding, 0
    while start + kernel <= size + padding:
        count, start = count + 1, start + stride
    if ceil and start < size and (start - stride) + kernel < size + padding:
        count += 1
    if count == 0:
        raise ValueError("the window does not fit")
    return count
