"""Images with what is known about them: boxes around things, masks over them."""

from collections.abc import Sequence

import numpy as np

from cnncourse.visualize.figure import COLOURS, subplots


def boxes_figure(image, boxes, names: Sequence[str], ax=None):
    """An image with named boxes.

    Args:
        image: uint8 [H, W, 3].
        boxes: [N, 4] as (x1, y1, x2, y2) in pixels, right and bottom exclusive.
        names: one for each box.
        ax: matplotlib axes to draw on instead of a new figure's.
    """
    from matplotlib.patches import Rectangle

    ax = ax if ax is not None else subplots(1, 1, (3.5, 3.5))[1][0, 0]
    ax.imshow(image, interpolation="nearest")
    for number, ((x1, y1, x2, y2), name) in enumerate(zip(boxes, names, strict=True)):
        colour = COLOURS[number % len(COLOURS)]
        # Pixel centres have whole coordinates in imshow, pixel edges in boxes.
        corner = (x1 - 0.5, y1 - 0.5)
        ax.add_patch(Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor="black", linewidth=4))
        ax.add_patch(Rectangle(corner, x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=2.5))
        ax.text(
            x1,
            y1,
            name,
            fontsize=11,
            color="white",
            va="bottom",
            clip_on=True,
            bbox={"facecolor": "black", "alpha": 0.75, "pad": 1.5, "linewidth": 0},
        )
    ax.axis("off")
    return ax.figure


def mask_figure(image, mask, ax=None):
    """An image under the colours of its mask [H, W]: 0 stays as it is, every other number gets a colour."""
    from matplotlib.colors import to_rgb

    ax = ax if ax is not None else subplots(1, 1, (3.5, 3.5))[1][0, 0]
    shown = np.asarray(image) / 255 * 0.75
    for order, number in enumerate(n for n in np.unique(mask) if n not in (0, 255)):
        colour = np.array(to_rgb(COLOURS[order % len(COLOURS)]))
        shown[mask == number] = 0.25 * shown[mask == number] + 0.75 * colour
    shown[mask == 255] = 1  # VOC's border between things: belongs to none
    ax.imshow(shown, interpolation="nearest")
    ax.axis("off")
    return ax.figure
