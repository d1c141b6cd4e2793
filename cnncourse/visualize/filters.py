"""A network's filters as pictures (lecture A5)."""

import numpy as np
import torch
from torch import Tensor

from cnncourse.visualize.figure import subplots


def filters_as_images(weight: Tensor) -> Tensor:
    """Each filter stretched to the range of a picture, with zero as the grey in the middle.

    A filter is divided by its own largest absolute value, so the strongest weight is black (0), white (255) or a
    full colour; weak filters become as visible as strong ones. Value v becomes 127.5 + 127.5 * v / max|v|, rounded,
    where the maximum is over all channels of the filter: dividing each channel by itself would change the colours.

    Args:
        weight: float [N, C, h, w], the weight of a convolution as the layer has it; C is 3 for a first layer.
    Returns:
        uint8 [N, h, w, C]. A filter of zeros is grey (128) all over.

    Example:
        >>> filters_as_images(torch.tensor([[[[0.5, 0.0, -0.25]]]]))[0, :, :, 0]
        tensor([[255, 128,  64]], dtype=torch.uint8)
    """
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (127.5 + 127.5 * scaled).round().to(torch.uint8).permute(0, 2, 3, 1)


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
