"""A transposed convolution by scattering and adding, value by value, as pictures one steps through (lecture S6)."""

import numpy as np
import torch
from IPython.display import HTML
from torch import Tensor

from cnncourse.segmentation.upsampling import conv_transpose2d_scatter
from cnncourse.visualize.figure import ORANGE, VERMILLION, subplots
from cnncourse.visualize.numbers import draw_numbers
from cnncourse.visualize.steps import steps


def scatter_steps(x: Tensor, weight: Tensor, stride: int) -> HTML:
    """Each value of a map puts its copy of the filter into the output; where copies overlap they add up.

    The value and the place of its copy have a solid frame, sums of several copies a dashed one.

    Args:
        x: [H, W], not negative.
        weight: [k, k], not negative.
        stride: distance between neighbouring copies.
    """
    sums = scattered(x, weight, stride)
    copies = scattered(torch.ones_like(x), torch.ones_like(weight), stride)  # that lie on each other
    frames, sentences = [_frame(x, weight, sums, 0)], ["A map, a filter, and an output that is still empty."]
    for number, value in enumerate(x.flatten().tolist(), 1):
        rows, columns = _place(number - 1, x, weight, stride)
        frames.append(_frame(x, weight, sums, number, (rows, columns), copies[number] > 1))
        said = f"rows {rows.start + 1} to {rows.stop}, columns {columns.start + 1} to {columns.stop}"
        sentences.append(f"The value {value:g} puts {value:g} times the filter into {said}.")
        if met := int((copies[number - 1][rows, columns] > 0).sum()):
            sentences[-1] += f" In {met} of these cells something is there already: they hold the sum."
    words = f"A map of {x.shape[0]} by {x.shape[1]} numbers, a filter, and the output that they make: scatter and add"
    return steps(frames, sentences, words)


def scattered(x: Tensor, weight: Tensor, stride: int) -> list[Tensor]:
    """A transposed convolution after none, one, two ... and all values of the map, in reading order.

    Args:
        x: [H, W].
        weight: [k, k].
        stride: distance between neighbouring copies.

    Returns:
        H * W + 1 outputs of `conv_transpose2d_scatter`, [stride * (H - 1) + k, stride * (W - 1) + k] each: of the map
        with 0 in place of the values to come.
    """
    so_far = torch.arange(x.numel()) < torch.arange(x.numel() + 1)[:, None]
    maps = (so_far * x.flatten()).view(-1, 1, *x.shape)
    return list(conv_transpose2d_scatter(maps, weight[None, None], stride)[:, 0])


def _place(number: int, x: Tensor, weight: Tensor, stride: int) -> tuple[slice, slice]:
    """Rows and columns of the output that a value's copy covers."""
    corner = (stride * index for index in divmod(number, x.shape[1]))
    return tuple(slice(start, start + side) for start, side in zip(corner, weight.shape, strict=True))


def _frame(x: Tensor, weight: Tensor, sums: list[Tensor], number: int, place=None, summed=()):
    figure, axes = subplots(2, 2, (4.5, 6.0), gridspec_kw={"height_ratios": [1, 1.75]})
    grid = axes[1, 0].get_gridspec()
    for ax in axes[1]:
        ax.remove()
    below = figure.add_subplot(grid[1, :])
    grids = {"map": (axes[0, 0], x), "filter": (axes[0, 1], weight), "output": (below, sums[number])}
    for title, (ax, values) in grids.items():
        draw_numbers(ax, _whole(values), float(sums[-1].max() if title == "output" else values.max()))
        _box(ax, *map(slice, (0, 0), values.shape), color="#999999", linewidth=1)  # white cells on white
        ax.set_title(title)
    if number:
        row, column = divmod(number - 1, x.shape[1])
        _box(axes[0, 0], slice(row, row + 1), slice(column, column + 1), color=VERMILLION, linewidth=4)
        _box(below, *place, color=VERMILLION, linewidth=4)
    for row, column in np.argwhere(np.asarray(summed)):
        cell = slice(row + 0.12, row + 0.88), slice(column + 0.12, column + 0.88)
        _box(below, *cell, color=ORANGE, linewidth=2, linestyle=(0, (2, 1)))
    return figure


def _whole(values: Tensor) -> np.ndarray:
    """The same numbers, without a point where all of them are whole."""
    return np.asarray(values.int() if torch.equal(values, values.round()) else values)


def _box(ax, rows: slice, columns: slice, **look) -> None:
    from matplotlib.patches import Rectangle

    # Cells lie around whole coordinates.
    corner = columns.start - 0.5, rows.start - 0.5
    size = columns.stop - columns.start, rows.stop - rows.start
    ax.add_patch(Rectangle(corner, *size, fill=False, clip_on=False, **look))
