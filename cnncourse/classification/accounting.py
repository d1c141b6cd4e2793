"""What layers cost and see, by formulas: multiply-accumulates and receptive fields.

`cnncourse.classification.profile` counts the same for every layer of a network.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn


def conv_multiply_accumulates(
    in_channels: int, out_channels: int, kernel: int, height: int, width: int, groups: int = 1
) -> int:
    """Count the multiplications of a convolution for one image, each of which has an addition with it.

    Every value of the output map [out_channels, height, width] is one sum of products: a filter of kernel x
    kernel positions, times the in_channels / groups channels that it sees. Adding the bias is not counted. One
    multiply-accumulate is two floating-point operations.

    Args:
        in_channels, out_channels: channels of the input and of the output.
        kernel: height and width of the filters.
        height, width: of the *output* map; stride and padding matter only through these.
        groups: both input and output channels are cut into so many groups, and a filter sees one of them.
    Returns:
        A whole number (int).
    Raises:
        ValueError: ``groups`` does not divide both numbers of channels.

    Example, AlexNet's first layer, and its second, which is cut in two:
        >>> conv_multiply_accumulates(3, 96, 11, 55, 55)
        105415200
        >>> conv_multiply_accumulates(96, 256, 5, 27, 27, groups=2)
        223948800
    """
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"{groups} groups cannot share {in_channels} and {out_channels} channels evenly.")
    products = kernel * kernel * (in_channels // groups)
    return out_channels * height * width * products


def receptive_field(layers: Sequence[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Work out which input pixels one output value of a stack of layers depends on, along one axis.

    The window of a layer spans ``kernel`` neighbouring positions of the map before it, starts ``padding``
    positions before the map does, and moves by ``stride`` positions. How many *pixels* apart two neighbouring
    positions are is what the strides of all layers before have multiplied to.

    Args:
        layers: (kernel, stride, padding) of each layer, first to last; convolutions and poolings alike. Without
            any layer, an output value is a pixel.
    Returns:
        (size, stride, start), three whole numbers: output position p depends on the ``size`` pixels from
        start + p * stride on. Where start is negative, the first window begins in the padding.

    Example: three layers of 3x3; then one of 5x5 at stride 2, and one of 3x3:
        >>> receptive_field([(3, 1, 1), (3, 1, 1), (3, 1, 1)])
        (7, 1, -3)
        >>> receptive_field([(5, 2, 2), (3, 1, 1)])
        (9, 2, -4)
    """
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        start -= padding * step
        step *= stride
    return size, step, start


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for the length of a ``with``; afterwards every module is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
