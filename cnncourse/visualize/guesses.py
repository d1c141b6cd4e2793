"""What a classifier says about images: its best guesses and how sure it is of each (lecture A1)."""

from collections.abc import Sequence

from torch import Tensor

from cnncourse.visualize.figure import BLUE, GREEN, subplots


def guesses_figure(images, labels, probabilities: Tensor, names: Sequence[str], k: int = 5, columns: int = 2):
    """Images, and below each its label and the ``k`` most probable classes as bars, the most probable first.

    The bar of the right class is green and hatched; where none is, the class is not among the ``k``.

    Args:
        images: uint8 [N, H, W, 3] with labels int [N].
        probabilities: float [N, classes], rows sum to one.
        names: what the classes are called.
    """
    rows = -(-len(images) // columns)
    heights = [1.25, 0.2 * k] * rows
    size = (2.15 * columns, rows * (1.75 + 0.26 * k))
    figure, axes = subplots(2 * rows, columns, size, gridspec_kw={"height_ratios": heights})
    for ax in axes.flat:
        ax.axis("off")
    for number, (image, label, row) in enumerate(zip(images, labels, probabilities, strict=True)):
        above, below = axes[2 * (number // columns) : 2 * (number // columns) + 2, number % columns]
        above.imshow(image, interpolation="nearest")
        above.set_title(names[label])
        _bars(below, row, int(label), names, k)
    return figure


def _bars(ax, probabilities: Tensor, label: int, names: Sequence[str], k: int) -> None:
    from matplotlib.patheffects import withStroke

    values, classes = probabilities.sort(descending=True, stable=True)
    for place, (value, found) in enumerate(zip(values[:k].tolist(), classes[:k].tolist(), strict=True)):
        look = {"color": GREEN, "hatch": "//"} if found == label else {"color": BLUE}
        ax.barh(place, value, height=0.85, alpha=0.45, edgecolor="black", linewidth=0.6, **look)
        outline = [withStroke(linewidth=3, foreground="white")]  # the text stays readable on the bar
        ax.text(0.02, place, names[found], va="center", fontsize=11, path_effects=outline)
        ax.text(0.98, place, f"{value:.2f}", va="center", ha="right", fontsize=11, path_effects=outline)
    ax.set(xlim=(0, 1), ylim=(k - 0.5, -0.5))
