"""Images with what is known about them: boxes around things, masks over them (lecture R1)."""

from collections.abc import Mapping, Sequence

import numpy as np

from cnncourse.visualize.figure import COLOURS, subplots


def boxes_figure(image, boxes, names: Sequence[str], ax=None):
    """An image with named boxes.

    Args:
        image: uint8 [H, W, 3].
        boxes: int or float [N, 4] as (x1, y1, x2, y2) in pixels, right and bottom exclusive.
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
        # Above the box and from its left edge on, but not beyond the image.
        height, width = np.shape(image)[:2]
        above, left = y1 > 0.12 * height, x1 < 0.6 * width
        ax.text(
            x1 if left else x2,
            y1,
            name,
            fontsize=11,
            color="white",
            va="bottom" if above else "top",
            ha="left" if left else "right",
            clip_on=True,
            bbox={"facecolor": "black", "alpha": 0.75, "pad": 1.5, "linewidth": 0},
        )
    ax.axis("off")
    return ax.figure


def mask_figure(image, mask, ax=None, names: Mapping[int, str] | None = None):
    """An image under the colours of its mask: 0 stays as it is, every other number gets a colour, 255 is white.

    Args:
        image: uint8 [H, W, 3].
        mask: integers [H, W].
        ax: matplotlib axes to draw on instead of a new figure's.
        names: of the numbers, for a legend of those that the mask holds. A number then has its colour in every picture.
    """
    from matplotlib.patches import Patch

    ax = ax if ax is not None else subplots(1, 1, (3.5, 3.5))[1][0, 0]
    shown = np.asarray(image) / 255 * 0.75
    present = [int(number) for number in np.unique(mask) if number not in (0, 255)]
    colours = {
        number: _colour(order if names is None else number - 1) for order, number in enumerate(present)
    }
    for number, colour in colours.items():
        shown[mask == number] = 0.25 * shown[mask == number] + 0.75 * colour
    shown[mask == 255] = 1  # VOC's border between things: belongs to none
    ax.imshow(shown, interpolation="nearest")
    ax.axis("off")
    if names is not None and present:
        patches = [Patch(color=colours[number], label=names[number]) for number in present]
        ax.legend(handles=patches, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, frameon=False)
    return ax.figure


def _colour(order: int) -> np.ndarray:
    """The course's colours, then the same ones darker, and darker again: [3] in [0, 1]."""
    from matplotlib.colors import to_rgb

    darker, place = divmod(order, len(COLOURS))
    return np.array(to_rgb(COLOURS[place])) * 0.5**darker
