"""Images as the numbers that they are (lecture R2)."""

from collections.abc import Sequence

import numpy as np

from cnncourse.visualize.figure import ORANGE, subplots


def pixel_numbers(image, top: int, left: int, side: int = 8, channel: int = 0):
    """An image with a framed window, and beside it the window's values in one channel.

    Args:
        image: uint8 [H, W, 3].
        top, left, side: the window in pixels.
        channel: 0 red, 1 green, 2 blue.
    """
    from matplotlib.patches import Rectangle

    patch = np.asarray(image)[top : top + side, left : left + side, channel]
    name = ("red", "green", "blue")[channel]
    # One above the other: side by side the numbers would be too small on a phone.
    figure, axes = subplots(2, 1, (5, 7.6), gridspec_kw={"height_ratios": [1, 1.7]})
    axes[0, 0].imshow(image, interpolation="nearest")
    frame = Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=ORANGE, linewidth=2.5)
    axes[0, 0].add_patch(frame)
    axes[0, 0].set_title("what we see")
    axes[0, 0].axis("off")
    draw_numbers(axes[1, 0], patch, 255)
    axes[1, 0].set_title(f"what the computer has ({name}, rows {top}–{top + side - 1})")
    return figure


def number_grids(grids: Sequence, titles: Sequence[str], highest: float | None = None, columns: int = 3):
    """Small matrices as tables of numbers on grey, each under its title.

    Args:
        grids: int or float [H, W] each.
        titles: one for each.
        highest: the number shown as white; by default the highest of all.
        columns: matrices in a row.
    """
    highest = max(np.max(grid) for grid in grids) if highest is None else highest
    rows = -(-len(grids) // columns)
    figure, axes = subplots(rows, columns, (2.3 * columns, 2.65 * rows))
    for number, ax in enumerate(axes.flat):
        if number < len(grids):
            draw_numbers(ax, np.asarray(grids[number]), highest)
            ax.set_title(titles[number])
        else:
            ax.axis("off")
    return figure


def draw_numbers(ax, grid, highest: float) -> None:
    """A matrix on axes, as a table of numbers on grey.

    Args:
        ax: matplotlib axes.
        grid: int or float array [H, W].
        highest: the number shown as white.
    """
    ax.imshow(grid, cmap="gray", vmin=0, vmax=highest, interpolation="nearest")
    for (row, column), value in np.ndenumerate(grid):
        ax.text(
            column,
            row,
            f"{value}",
            ha="center",
            va="center",
            fontsize=13,
            color="black" if value > highest * 0.5 else "white",
        )
    ax.axis("off")
