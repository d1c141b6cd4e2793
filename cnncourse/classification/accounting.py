"""What a network costs and sees: map sizes, parameters, multiply-accumulates, receptive fields.

First the formulas for one layer, then `profile`, which applies them to every layer of a network.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


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


class Field(NamedTuple):
    """What the positions of a feature map see of the input image, in pixels along one axis.

    Position p sees the ``size`` pixels from ``start + p * stride``, which is outside the image near its border.
    """

    size: int = 1
    stride: int = 1
    start: int = 0

    def through(self, kernel: int, stride: int = 1, padding: int = 0) -> "Field":
        """The field behind one more layer: its window spans ``kernel`` positions of this map."""
        size = self.size + (kernel - 1) * self.stride
        return Field(size, self.stride * stride, self.start - padding * self.stride)


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


class Layer(NamedTuple):
    """A row of `profile`: one layer, for one image."""

    name: str
    module: nn.Module
    output: tuple[int, ...]  # without the batch: (channels, height, width) or (features,)
    parameters: int
    multiply_accumulates: int  # of convolutions and fully connected layers; 0 for all others
    field: Field


def profile(
    model: nn.Module, input_size: int | Sequence[int] | None = None, blocks: bool = False
) -> list[Layer]:
    """Every layer of ``model`` in the order in which it runs, with what it costs and sees.

    The network runs once in evaluation mode on the "meta" device, that is, with shapes instead of numbers: it
    takes milliseconds, and ``model`` may itself live there. Where branches meet, the field is what they see
    together. What only runs in training (auxiliary heads) is not listed.

    Args:
        model: takes images float [B, 3, H, W].
        input_size: height and width of the images, or one number for both; by default ``model.input_size``.
        blocks: list modules that consist of others, too, each behind its parts and with their sums.
    """
    size = model.input_size if input_size is None else input_size
    height, width = (size, size) if isinstance(size, int) else size
    rows: list[Layer] = []
    listed = [(name, part) for name, part in model.named_modules() if blocks or not any(part.children())]
    hooks = [part.register_forward_hook(_recorder(name, rows)) for name, part in listed]
    shapes = {name: tensor.to("meta") for name, tensor in [*model.named_parameters(), *model.named_buffers()]}
    images = torch.empty(1, 3, height, width, device="meta", dtype=next(model.parameters()).dtype)
    try:
        with evaluating(model), torch.no_grad(), _FieldMode():
            torch.func.functional_call(model, shapes, images)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


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


def total(rows: Iterable[Layer]) -> tuple[int, int]:
    """Parameters and multiply-accumulates of all rows together."""
    rows = list(rows)
    return sum(row.parameters for row in rows), sum(row.multiply_accumulates for row in rows)


def _recorder(name: str, rows: list[Layer]):
    prefix = f"{name}." if name else ""

    def record(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        parts = [row for row in rows if any(module.children()) and row.name.startswith(prefix)]
        if not parts:  # a layer: what it gives carries its input's field so far (see _FieldMode)
            output.field = _field(output).through(*_window(module, args[0]))
        parameters = sum(parameter.numel() for parameter in module.parameters())
        products = _products(module, output) + sum(
            row.multiply_accumulates for row in parts if not any(row.module.children())
        )
        rows.append(Layer(name, module, tuple(output.shape[1:]), parameters, products, output.field))

    return record


def _window(module: nn.Module, x: Tensor) -> tuple[int, int, int]:
    """Kernel, stride and padding along the height of a layer that gets ``x``; 1, 1, 0 for all that have none."""
    if isinstance(module, nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d):
        return _adaptive_window(x.shape[-2], _first(module.output_size))
    if not isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        return 1, 1, 0
    dilation = _first(getattr(module, "dilation", 1))
    kernel = dilation * (_first(module.kernel_size) - 1) + 1
    return kernel, _first(module.stride), _first(module.padding)


def _adaptive_window(size: int, bins: int) -> tuple[int, int, int]:
    """Bin i of adaptive pooling spans floor(i * size / bins) to ceil((i + 1) * size / bins). One bin does not move."""
    widest = max(-(-(i + 1) * size // bins) - i * size // bins for i in range(bins))
    return widest, max(size // bins, 1) if bins > 1 else 1, 0


def _products(module: nn.Module, output: Tensor) -> int:
    """Each value that a convolution or a fully connected layer gives is one filter's sum of products."""
    if not isinstance(module, nn.Conv2d | nn.Linear):
        return 0
    return output[0].numel() * module.weight[0].numel()


def _first(value: Any) -> int:
    return value if isinstance(value, int) else value[0]


def _field(tensor: Tensor) -> Field:
    return getattr(tensor, "field", Field())


class _FieldMode(TorchFunctionMode):
    """Every tensor that a function returns has an attribute ``field``: what its arguments see together."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        inputs = [tensor for tensor in _tensors(args) if hasattr(tensor, "field")]
        if inputs:
            for tensor in _tensors(result):
                tensor.field = _together(inputs)
                if (
                    tensor.dim() == 2 and inputs[0].dim() == 4
                ):  # flattened, or averaged: the whole map at once
                    tensor.field = tensor.field.through(inputs[0].shape[-2])
        return result


def _together(tensors: Sequence[Tensor]) -> Field:
    fields = [tensor.field for tensor in tensors]
    start = min(field.start for field in fields)
    end = max(field.start + field.size for field in fields)
    return Field(end - start, max(field.stride for field in fields), start)


def _tensors(values: Any) -> Iterable[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for value in values:
            yield from _tensors(value)
