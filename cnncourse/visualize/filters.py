"""A layer's filters in one picture (lecture A5)."""

import numpy as np
from torch import Tensor

from cnncourse.looking.filters import filters_as_images
from cnncourse.visualize.figure import subplots


def mosaic(images: np.ndarray, columns: int, border: int = 1, ground: int = 255) -> np.ndarray:
    """Small images as one, row by row, with a border around each.

    Args:
        images: uint8 [N, h, w, C].
        columns: images in a row; places of the last row that are left over stay empty.
        border: pixels between two images and at the edges.
        ground: the value of the border.
    Returns:
        uint8 [rows * (h + border) + border, columns * (w + border) + border, C].
    """
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    cell_h, cell_w = height + border, width + border
    whole = np.full((rows * cell_h + border, columns * cell_w + border, channels), ground, np.uint8)
    for number, image in enumerate(images):
        top, left = border + number // columns * cell_h, border + number % columns * cell_w
        whole[top : top + height, left : left + width] = image
    return whole


def filters_figure(weight: Tensor, columns: int = 16, groups: int = 1, size: float = 6.0):
    """First-layer filters side by side; with ``groups`` 2, AlexNet's, those of each GPU in a picture of their own.

    Args:
        weight: float [N, 3, h, w].
        columns: filters in a row.
        groups: the filters are cut into so many equal parts, first to last.
        size: inches of the figure's width.
    """
    images = filters_as_images(weight.detach().cpu()).numpy()
    parts = [mosaic(part, columns) for part in np.array_split(images, groups)]
    height = size * sum(part.shape[0] for part in parts) / parts[0].shape[1]
    figure, axes = subplots(groups, 1, (size, height + 0.3 * groups * (groups > 1)))
    for number, (ax, part) in enumerate(zip(axes.flat, parts, strict=True), 1):
        ax.imshow(part, interpolation="nearest")
        ax.axis("off")
        if groups > 1:
            ax.set_title(f"group {number}", fontsize=11, pad=3, loc="left")
    return figure
