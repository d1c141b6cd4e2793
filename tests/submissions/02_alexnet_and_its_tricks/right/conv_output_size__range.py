"""The length of a range of places."""


def conv_output_size(size, kernel, stride=1, padding=0, ceil=False):
    if min(kernel, stride) < 1:
        raise ValueError("kernel and stride are at least 1")
    end = size + 2 * padding - kernel + 1
    places = len(range(0, end, stride))
    if not places:
        raise ValueError(f"{kernel} pixels do not fit into {size + 2 * padding}")
    left_over = (end - 1) % stride
    if ceil and left_over and places * stride - padding < size:
        places += 1
    return places
