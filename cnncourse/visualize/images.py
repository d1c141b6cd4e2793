"""Images in rows and columns."""

from collections.abc import Sequence

import numpy as np

from cnncourse.visualize.figure import GREEN, VERMILLION, subplots


def image_grid(images, titles: Sequence[str] | None = None, columns: int = 5, size: float = 1.2):
    """Images side by side, row by row.

    Args:
        images: uint8 or float [N, H, W, 3] (or [N, H, W], shown in grey).
        titles: a line over each image.
        columns: images in a row.
        size: inches an image.
    """
    rows = -(-len(images) // columns)
    # A title takes 0.22 inches a line.
    extra = 0.06 + 0.22 * max((title.count("\n") + 1 for title in titles or ()), default=0)
    figure, axes = subplots(rows, columns, (columns * size, rows * (size + extra)))
    for number, ax in enumerate(axes.flat):
        ax.axis("off")
        if number < len(images):
            _show(ax, images[number])
            if titles is not None:
                ax.set_title(titles[number], fontsize=13, pad=3)
    return figure


def labelled_grid(images, row_names: Sequence[str], column_names: Sequence[str], size: float = 0.95):
    """A table of images, uint8 or float [R, C, H, W, 3], with a name beside each row and over each column."""
    rows, columns = len(row_names), len(column_names)
    figure, axes = subplots(rows, columns, (columns * size + 1.3, rows * size + 0.35))
    for r in range(rows):
        for c in range(columns):
            ax = axes[r, c]
            _show(ax, images[r][c])
            _without_ticks(ax)
            if r == 0:
                ax.set_title(column_names[c], fontsize=13, pad=4)
            if c == 0:
                ax.set_ylabel(row_names[r], rotation=0, ha="right", va="center", fontsize=13)
    return figure


def neighbors_figure(images, labels, neighbors, neighbor_labels, names: Sequence[str], size: float = 0.8):
    """The neighbours figure (lecture N4): in each row a test image, then its nearest training images.

    A neighbour of the test image's class has a solid green frame, any other a dashed vermillion one.

    Args:
        images: uint8 [M, H, W, 3] with labels int [M].
        neighbors: uint8 [M, k, H, W, 3], the nearest first, with labels int [M, k].
        names: what the labels mean.
    """
    rows, k = np.asarray(neighbor_labels).shape
    figure, axes = subplots(
        rows,
        k + 1,
        ((k + 1) * size + 1.2, rows * size + 0.35),
        gridspec_kw={"width_ratios": [1.25] + [1] * k},
    )
    for r in range(rows):
        _show(axes[r, 0], images[r])
        _without_ticks(axes[r, 0])
        axes[r, 0].set_ylabel(names[labels[r]], rotation=0, ha="right", va="center", fontsize=13)
        for c in range(k):
            ax = axes[r, c + 1]
            _show(ax, neighbors[r][c])
            _without_ticks(ax)
            same = neighbor_labels[r][c] == labels[r]
            ax.spines[:].set(
                visible=True,
                linewidth=3,
                color=GREEN if same else VERMILLION,
                linestyle="-" if same else (0, (2, 1)),
            )
    axes[0, 0].set_title("test", fontsize=13, pad=4)
    axes[0, 1].set_title("nearest first", fontsize=13, pad=4, loc="left")
    return figure


def _show(ax, image) -> None:
    ax.imshow(image, interpolation="nearest", cmap="gray" if np.ndim(image) == 2 else None)


def _without_ticks(ax) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
