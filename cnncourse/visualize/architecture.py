"""Architectures drawn from their own tables: nothing in these figures is typed in, all is read from the network."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from torch import nn

from cnncourse.classification.googlenet import ConvUnit, Inception
from cnncourse.classification.profile import Layer, profile
from cnncourse.classification.resnet import BasicBlock, Bottleneck, PaddingShortcut
from cnncourse.classification.summary import describe, shape_label, short
from cnncourse.visualize.figure import BLUE, GREEN, ORANGE, PURPLE, SKY, subplots

INK = "#222222"


class Unit(NamedTuple):
    """What is drawn as one box: a layer or a block, ``count`` times in a row."""

    label: str
    kind: str  # "convolution", "pooling", "block", "fully connected"
    output: tuple[int, ...]
    parameters: int
    multiply_accumulates: int
    count: int = 1
    shortcut: bool = False


FILL = {"convolution": SKY, "pooling": "#d9d9d9", "block": GREEN, "fully connected": ORANGE}


def units(model: nn.Module, input_size: int | None = None) -> list[Unit]:
    """The boxes of a network, first to last; equal neighbours are one box with a count.

    A block (inception, residual) is one unit with the sums of its layers; the parameters of a batch normalisation
    count to the convolution before it. ReLU, dropout and what does nothing are left out.
    """
    found: list[Unit] = []
    for row in _outermost(profile(model, input_size, blocks=True), model):
        if isinstance(row.module, nn.BatchNorm2d):
            found[-1] = found[-1]._replace(parameters=found[-1].parameters + row.parameters)
        elif described := describe(row.module):
            costs = row.parameters, row.multiply_accumulates
            unit = Unit(*described, row.output, *costs, shortcut=getattr(row.module, "residual", False))
            found.append(unit)
    return _merged(found)


def _outermost(rows: Sequence[Layer], model: nn.Module) -> list[Layer]:
    """The rows of modules that are in no other than plain containers."""
    parts = dict(model.named_modules())

    def owner(name: str) -> str:
        steps = name.split(".")
        prefixes = [".".join(steps[: length + 1]) for length in range(len(steps))]
        return next((prefix for prefix in prefixes if not isinstance(parts[prefix], nn.Sequential)), "")

    return [row for row in rows if row.name and owner(row.name) == row.name]


def _merged(boxes: Sequence[Unit]) -> list[Unit]:
    found: list[Unit] = []
    for box in boxes:
        if found and (box.label, box.output) == (found[-1].label, found[-1].output):
            last = found.pop()
            box = box._replace(
                count=last.count + 1,
                parameters=last.parameters + box.parameters,
                multiply_accumulates=last.multiply_accumulates + box.multiply_accumulates,
            )
        found.append(box)
    return found


def architecture_figure(model: nn.Module, title: str = "", input_size: int | None = None, width: float = 6.0):
    """The network from top to bottom, and beside every box what it weighs and costs.

    Boxes are as wide as the feature map is (on a logarithmic scale); a line on their left is a shortcut. Bars show
    each box's share of all parameters and of all multiply-accumulates.
    """
    boxes = units(model, input_size)
    size = model.input_size if input_size is None else input_size
    figure, axes = subplots(
        1, 3, (width, 0.33 * (len(boxes) + 1) + 0.9), gridspec_kw={"width_ratios": [4.4, 1, 1]}, sharey=True
    )
    network, weights, products = axes[0]
    _draw_boxes(network, boxes, size)
    for ax, name, values in (
        (weights, "parameters", [box.parameters for box in boxes]),
        (products, "multiply-\naccumulates", [box.multiply_accumulates for box in boxes]),
    ):
        _draw_bars(ax, f"{short(sum(values))}\n{name}", values)
    network.set_title(title, fontsize=12, loc="left")
    network.set_ylim(len(boxes) - 0.4, -1.6)
    return figure


def _draw_boxes(ax, boxes: Sequence[Unit], size: int) -> None:
    from matplotlib.patches import FancyBboxPatch

    widest = _map_width((0, size, size))
    ax.text(0, -1, f"image {size}×{size}×3", ha="center", va="center", fontsize=11, color=INK)
    for y, box in enumerate(boxes):
        half = 0.5 * (0.78 + 0.22 * _map_width(box.output) / widest)  # the narrowest still holds its text
        ax.add_patch(
            FancyBboxPatch(
                (-half, y - 0.36),
                2 * half,
                0.72,
                boxstyle="round,pad=0,rounding_size=0.02",
                mutation_aspect=8,
                facecolor=_pale(FILL[box.kind]),
                edgecolor=INK,
                linewidth=0.8,
            )
        )
        count = f"{box.count} × " if box.count > 1 else ""
        ax.text(0, y, count + box.label, ha="center", va="center", fontsize=10.5, color=INK)
        ax.text(0.52, y, shape_label(box.output), ha="left", va="center", fontsize=10.5, color=INK)
        if box.shortcut:
            side = -half - 0.05
            ax.plot([-half, side, side, -half], [y - 0.27, y - 0.27, y + 0.27, y + 0.27], color=INK, lw=1.2)
    ax.set_xlim(-0.57, 0.88)
    ax.axis("off")


def _draw_bars(ax, title: str, values: Sequence[int]) -> None:
    total = max(sum(values), 1)
    largest = max(max(values), 1)
    ax.barh(range(len(values)), values, height=0.72, color=BLUE)
    for y, value in enumerate(values):
        if value / total >= 0.01:
            ax.text(value + 0.03 * largest, y, f"{value / total:.0%}", va="center", fontsize=10, color=INK)
    ax.set_xlim(0, 1.6 * largest)
    ax.set_title(title, fontsize=10)
    ax.grid(False)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.axvline(0, color=INK, linewidth=0.8)


def _map_width(output: Sequence[int]) -> float:
    from math import log2

    return log2(1 + output[1]) if len(output) == 3 else 0.0


def _pale(colour: str, share: float = 0.45) -> tuple[float, float, float]:
    """The colour on white, so that black text on it is easy to read."""
    from matplotlib.colors import to_rgb

    return tuple(1 - share * (1 - part) for part in to_rgb(colour))


# ------------------------------------------------------------------------------------------ one block, in detail
def paths(block: nn.Module) -> tuple[list[list[str]], str]:
    """The branches of a block, each a list of labels from its input to where they meet, and how they meet.

    Raises:
        TypeError: the module is no inception module and no residual or plain block.
    """
    match block:
        case Inception():
            branches = [block.branch1, block.branch2, block.branch3, block.branch4]
            return [_labels(branch) for branch in branches], "stack channels"
        case BasicBlock() | Bottleneck():
            convs = [block.conv1, block.conv2, *([block.conv3] if isinstance(block, Bottleneck) else [])]
            main = [f"{describe(conv)[0]}\nbatch norm" + ", ReLU" * (conv is not convs[-1]) for conv in convs]
            if not block.residual:
                return [main], "ReLU"
            return [main, _labels(block.downsample) or ["identity"]], "add, ReLU"
    raise TypeError(f"{type(block).__name__} is drawn by architecture_figure, not as a block.")


def _labels(branch: nn.Module) -> list[str]:
    parts = [branch] if not isinstance(branch, nn.Sequential) else list(branch)
    found = []
    for part in parts:
        if isinstance(part, nn.BatchNorm2d):
            found[-1] += "\nbatch norm"
        elif isinstance(part, PaddingShortcut):
            found.append(f"1 in {part.stride} positions,\nzeros up to {part.channels}")
        elif described := describe(part):
            found.append(described[0] + ("\nReLU" if isinstance(part, ConvUnit) else ""))
    return found


def block_figure(block: nn.Module, title: str = "", width: float | None = None):
    """An inception module or a residual block with its branches, from the input at the top to where they meet."""
    branches, join = paths(block)
    rows = max(map(len, branches))
    width = 1.7 * len(branches) + 0.3 if width is None else width
    figure, axes = subplots(1, 1, (width, 0.72 * (rows + 2) + 0.3))
    ax = axes[0, 0]
    centre, bottom = (len(branches) - 1) / 2, rows + 1.0
    _box(ax, centre, 0, "input", "white")
    _box(ax, centre, bottom, join, _pale(PURPLE))
    for x, labels in enumerate(branches):
        heights = [(step + 1) * bottom / (len(labels) + 1) for step in range(len(labels))]
        # Down from the input, across, and down to each box; then back to the middle, always at right angles.
        _line(ax, [(centre, HALF), (centre, 0.5), (x, 0.5), (x, heights[0] - HALF)])
        for above, below in pairwise(heights):
            _line(ax, [(x, above + HALF), (x, below - HALF)])
        _line(
            ax, [(x, heights[-1] + HALF), (x, bottom - 0.5), (centre, bottom - 0.5), (centre, bottom - HALF)]
        )
        for y, label in zip(heights, labels, strict=True):
            _box(ax, x, y, label, _block_fill(label))
    ax.set_title(title, fontsize=12)
    ax.set(xlim=(-0.52, len(branches) - 0.48), ylim=(bottom + 0.4, -0.4))
    ax.axis("off")
    return figure


HALF = 0.31  # half the height of a box, where rows are one apart


def _block_fill(label: str):
    if label == "identity":
        return "white"
    return _pale(FILL["convolution" if label.startswith("conv") else "pooling"], 0.6)


def _box(ax, x: float, y: float, text: str, fill) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(
        Rectangle((x - 0.46, y - HALF), 0.92, 2 * HALF, facecolor=fill, edgecolor=INK, lw=0.8, zorder=2)
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=9.5, color=INK, zorder=3)


def _line(ax, points: Sequence[tuple[float, float]]) -> None:
    """A line with an arrow's head at its end."""
    ax.plot(*zip(*points, strict=True), color=INK, lw=1.1, zorder=1, solid_joinstyle="miter")
    ax.annotate(
        "",
        points[-1],
        points[-2],
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.1, "shrinkA": 0, "shrinkB": 0},
    )
