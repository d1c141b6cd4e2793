"""Figures that the labs and the book share."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

RIGHT, WRONG = (
    "#1a7f37",
    "#b3261e",
)  # also told apart by solid and dashed lines: not everyone sees the colours


def show(figure: Figure, alt: str, dpi: int = 90) -> None:
    """Displays a figure in a notebook as a PNG; ``alt`` says what is to be seen for those who cannot see it."""
    from IPython.display import Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
    display(Image(buffer.getvalue(), alt=alt))


def image_grid(
    images: np.ndarray,
    titles: Sequence[Sequence[str]] | None = None,
    right: np.ndarray | None = None,
    side: float = 1.1,
) -> Figure:
    """Images in rows and columns, each with its title above it.

    Args:
        images: uint8 [R, C, H, W, 3] or [R, C, H, W] (grey).
        titles: R rows of C titles.
        right: bool [R, C - 1]: frames all columns but the first, solid green where True, dashed red where False.
        side: size of one image in inches.
    """
    rows, columns = images.shape[:2]
    figure = Figure(figsize=(columns * side, rows * side * (1.25 if titles else 1.05)))
    axes = figure.subplots(rows, columns, squeeze=False)
    for (i, j), axis in np.ndenumerate(axes):
        axis.imshow(images[i, j], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        if titles is not None:
            axis.set_title(titles[i][j], fontsize=8, pad=3)
        if right is not None and j > 0:
            correct = bool(right[i, j - 1])
            axis.spines[:].set(
                visible=True,
                color=RIGHT if correct else WRONG,
                linewidth=2.5,
                linestyle="-" if correct else "--",
            )
    return figure
