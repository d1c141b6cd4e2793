"""What every layer of a network costs and sees: map sizes, parameters, multiply-accumulates, receptive fields."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnncourse.classification.accounting import evaluating


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
    Returns:
        A row for each; its ``output`` is the shape of one image's map, (channels, height, width), or (features,).
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
                if tensor.dim() == 2 and inputs[0].dim() == 4:
                    # flattened, or averaged: it sees the whole map at once
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
