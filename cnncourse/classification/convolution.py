"""One convolution in numbers: how large its map is, and how many weights it has."""


def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, ceil: bool = False) -> int:
    """Count the places of a window along one axis: the height (or width) of a convolution's or a pooling's map.

    The window begins ``padding`` pixels outside the image and moves by ``stride``. A place counts when the whole
    window lies in the padded image. With ``ceil``, a rounding that some poolings use, one more place counts when
    these windows do not reach the far end of the padded image: the next one, which sticks out there; unless all
    of it is beyond the last pixel of the image itself.

    Args:
        size: pixels of the image along this axis.
        kernel: pixels of the window.
        stride: pixels from one place to the next.
        padding: pixels added at *each* of the two ends.
        ceil: whether a last window may stick out.
    Returns:
        A whole number (int).
    Raises:
        ValueError: kernel or stride is less than 1, or the window has no place at all.

    Example, windows of 3 pixels at 0 and 2, and one at 4 that sticks out:
        >>> conv_output_size(6, kernel=3, stride=2)
        2
        >>> conv_output_size(6, kernel=3, stride=2, ceil=True)
        3
    """
    if kernel < 1 or stride < 1:
        raise ValueError(f"Kernel and stride must be positive, not {kernel} and {stride}.")
    span = size + 2 * padding - kernel
    steps = -(-span // stride) if ceil else span // stride
    if ceil and steps * stride >= size + padding:  # the last window begins behind the image
        steps -= 1
    if steps < 0:
        raise ValueError(f"A window of {kernel} does not fit into {size} pixels padded by {padding}.")
    return steps + 1


def conv_parameters(
    in_channels: int, out_channels: int, kernel: int, groups: int = 1, bias: bool = True
) -> int:
    """Count the weights and biases of a convolution with square filters.

    There is a filter for every output channel. It has a weight for each of its kernel x kernel positions and
    each channel that it sees: with ``groups``, both input and output channels are cut into so many equal parts,
    and a filter sees only the input channels of its own part. A fully connected layer is a convolution, too: its
    filters are as large as the whole map.

    Args:
        in_channels, out_channels: channels of the input and of the output.
        kernel: height and width of the filters.
        groups: 1 when every filter sees all channels.
        bias: whether each filter has one number more, which is added to all that it gives.
    Returns:
        A whole number (int).
    Raises:
        ValueError: ``groups`` does not divide both numbers of channels.

    Example, four filters of 3 x 3 x 2 with their biases, and the same in two groups:
        >>> conv_parameters(2, 4, kernel=3)
        76
        >>> conv_parameters(2, 4, kernel=3, groups=2)
        40
    """
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"{groups} groups cannot share {in_channels} and {out_channels} channels evenly.")
    weights = out_channels * (in_channels // groups) * kernel * kernel
    return weights + out_channels if bias else weights
