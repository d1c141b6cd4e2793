"""A network in words: what its layers are called, and the table that ``cnncourse summary`` prints."""

from typing import TYPE_CHECKING

from torch import nn

from cnncourse.classification.googlenet import ConvUnit, Inception
from cnncourse.classification.layers import LocalResponseNorm
from cnncourse.classification.profile import Layer, profile, total
from cnncourse.classification.resnet import BasicBlock, Bottleneck

if TYPE_CHECKING:
    from rich.table import Table


def describe(module: nn.Module) -> tuple[str, str] | None:
    """A label and a kind for a layer or a block; None for what is not drawn (ReLU, dropout, normalisation)."""
    match module:
        case nn.Conv2d():
            return _conv_label(module), "convolution"
        case ConvUnit():
            return _conv_label(module.conv), "convolution"
        case nn.Linear():
            return f"fully connected, {module.out_features:,}", "fully connected"
        case nn.MaxPool2d():
            return f"max pooling {_window(module)}", "pooling"
        case nn.AvgPool2d():
            return f"mean pooling {_window(module)}", "pooling"
        case nn.AdaptiveAvgPool2d(output_size=1):
            return "global average pooling", "pooling"
        case LocalResponseNorm():
            return "local response norm", "pooling"
        case Inception():
            return f"inception, {module.out_channels}", "block"
        case BasicBlock() | Bottleneck():
            last = module.conv3 if isinstance(module, Bottleneck) else module.conv2
            name = "bottleneck" if isinstance(module, Bottleneck) else "basic block"
            return f"{'' if module.residual else 'plain '}{name}, {last.out_channels}", "block"
    return None


def _window(pool: nn.MaxPool2d | nn.AvgPool2d) -> str:
    return f"{pool.kernel_size}×{pool.kernel_size}" + (f", /{pool.stride}" if pool.stride > 1 else "")


def _conv_label(conv: nn.Conv2d) -> str:
    text = f"conv {conv.kernel_size[0]}×{conv.kernel_size[1]}, {conv.out_channels}"
    text += f", /{conv.stride[0]}" if conv.stride[0] > 1 else ""
    return text + (f", {conv.groups} groups" if conv.groups > 1 else "")


def shape_label(output: tuple[int, ...]) -> str:
    """Height × width × channels of a feature map, or the number of features."""
    return f"{output[1]}×{output[2]}×{output[0]}" if len(output) == 3 else f"{output[0]:,}"


def short(number: int) -> str:
    """A large number in three digits: 60,965,224 is "61.0 M"."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            value = number / size
            return f"{value:.{2 - len(str(int(value))) + 1}f} {unit}"
    return str(number)


def summary_rows(model: nn.Module, input_size: int | None = None) -> list[Layer]:
    """The layers of a network that are worth a line: `profile` without ReLU, dropout and what does nothing.

    The parameters of a batch normalisation count to the convolution before it.
    """
    found: list[Layer] = []
    for row in profile(model, input_size):
        if isinstance(row.module, nn.BatchNorm2d):
            found[-1] = found[-1]._replace(parameters=found[-1].parameters + row.parameters)
        elif describe(row.module):
            found.append(row)
    return found


def summary_table(model: nn.Module, name: str, input_size: int | None = None, exact: bool = True) -> "Table":
    """Output sizes, parameters, multiply-accumulates, receptive fields and strides of all layers, with totals.

    ``exact=False`` abbreviates for narrow terminals: large numbers in three digits.
    """
    from rich.table import Table

    size = model.input_size if input_size is None else input_size
    rows = summary_rows(model, size)
    number = "{:,}".format if exact else short
    parameters, products = map(number, total(rows))
    title = f"{name}, image {size}×{size}×3"
    caption = "sees, stride: pixels of the image along one axis"
    table = Table(title=title, caption=caption, box=None, pad_edge=False, show_footer=True)
    table.title_justify = table.caption_justify = "left"
    table.add_column("layer", "total", no_wrap=True)
    table.add_column("what it is")
    columns = {"output": "", "parameters" if exact else "params": parameters}
    columns |= {"multiply-acc." if exact else "macs": products, "sees": "", "stride": ""}
    for column, footer in columns.items():
        table.add_column(column, footer, justify="right", no_wrap=True)
    for row in rows:
        costs = (number(count) if count else "" for count in (row.parameters, row.multiply_accumulates))
        sees, stride = map(str, row.field[:2])
        table.add_row(row.name, describe(row.module)[0], shape_label(row.output), *costs, sees, stride)
    return table
