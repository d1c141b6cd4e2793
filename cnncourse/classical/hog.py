"""Histograms of oriented gradients (HOG): what directions do edges have in each small cell of an image?

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005, section 6). Four steps, a function
each: gradients, the direction of every pixel as a bin, one histogram for each cell, normalisation within blocks of
neighbouring cells. Histograms are made in cells and normalised in blocks.

As scikit-image does, and other than the paper: a pixel votes for one bin of one cell instead of sharing its vote
between neighbouring bins and cells, and no Gaussian window weighs the pixels of a block.
"""

import torch
from torch import Tensor

from cnncourse.checks import one_of

CLIP = 0.2  # L2-Hys: no number of a normalised block is larger, so that one strong edge does not drown the others
EPS = 1e-5
NORMS = ("L1", "L1-sqrt", "L2", "L2-Hys")


def image_gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Differences between the right and the left, and between the lower and the upper neighbour of each pixel.

    Args:
        image: ``[..., H, W]``, real numbers (integers become floating point).

    Returns:
        x and y part, each ``[..., H, W]``; the x part is 0 in the first and last column, the y part in the first and
        last row, where a neighbour is missing.
    """
    if not image.is_floating_point():
        image = image.to(torch.get_default_dtype())  # differences of bytes would wrap around
    x, y = torch.zeros_like(image), torch.zeros_like(image)
    x[..., :, 1:-1] = image[..., :, 2:] - image[..., :, :-2]
    y[..., 1:-1, :] = image[..., 2:, :] - image[..., :-2, :]
    return x, y


def strongest_channel(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """At each pixel the gradient of the channel where it is longest (the first of equals).

    Args:
        x, y: floating point ``[..., C, H, W]``, the gradients' parts.

    Returns:
        x and y part, each ``[..., H, W]``.
    """
    best = torch.hypot(x, y).argmax(-3, keepdim=True)
    return x.gather(-3, best).squeeze(-3), y.gather(-3, best).squeeze(-3)


def orientation_bins(x: Tensor, y: Tensor, orientations: int, signed: bool) -> Tensor:
    """The bin of each gradient's direction.

    Directions are angles from the x axis towards the y axis (which points down), from 0 up to but excluding 180
    degrees, a direction and its opposite being one; or up to 360 degrees with ``signed``. Bin k holds angles from
    ``k * range / orientations`` (inclusive) to ``(k + 1) * range / orientations`` (exclusive).

    Args:
        x, y: floating point ``[...]``, the gradients' parts.
        orientations: number of bins.
        signed: tell a direction from its opposite.

    Returns:
        int64 ``[...]`` in 0 ... orientations - 1.
    """
    degrees = 360 if signed else 180
    angle = torch.rad2deg(torch.atan2(y, x)) % degrees
    # Rounding may carry an angle just below the end of the range onto it: there it begins anew.
    return (angle * orientations / degrees).floor().long() % orientations


def cell_histograms(
    x: Tensor, y: Tensor, orientations: int = 9, cell: int = 8, signed: bool = False
) -> Tensor:
    """In each cell of ``cell`` by ``cell`` pixels, the summed length of the gradients of each orientation.

    The sum is divided by the number of pixels, which is of consequence only beside `EPS`.

    Args:
        x, y: gradients, floating point ``[..., H, W]``. Rows and columns that fill no cell are left out at the bottom
            and right.
        orientations, signed: see `orientation_bins`.
        cell: height and width of a cell in pixels.

    Returns:
        ``[..., H // cell, W // cell, orientations]``.
    """
    rows, columns = x.shape[-2] // cell, x.shape[-1] // cell
    length = torch.linalg.vector_norm(torch.stack((x, y)), dim=0)  # its derivative at 0 is 0, hypot's is NaN
    bins = orientation_bins(x, y, orientations, signed)
    votes = length[..., None] * (bins[..., None] == torch.arange(orientations, device=x.device))
    votes = votes[..., : rows * cell, : columns * cell, :]
    return votes.unflatten(-2, (columns, cell)).unflatten(-4, (rows, cell)).mean((-4, -2))


def normalize(blocks: Tensor, norm: str = "L2-Hys") -> Tensor:
    """Divide each vector by its length, so that contrast and lighting cancel.

    Dalal and Triggs (2005, section 6.4).

    Args:
        blocks: floating point ``[..., D]``, not negative.
        norm: "L1": v / (sum(v) + eps); "L1-sqrt": the square root of that; "L2": v / sqrt(sum(v^2) + eps^2); "L2-Hys":
            L2, numbers above 0.2 cut to 0.2, and L2 again.

    Returns:
        ``[..., D]``.

    Raises:
        ValueError: another ``norm``.
    """
    one_of("norm", norm, NORMS)
    if norm in ("L1", "L1-sqrt"):
        blocks = blocks / (blocks.sum(-1, keepdim=True) + EPS)
        return blocks.sqrt() if norm == "L1-sqrt" else blocks
    blocks = blocks / (blocks.square().sum(-1, keepdim=True) + EPS**2).sqrt()
    return normalize(blocks.clamp(max=CLIP), "L2") if norm == "L2-Hys" else blocks


def block_descriptors(histograms: Tensor, block: int = 2, norm: str = "L2-Hys") -> Tensor:
    """Normalise every block of ``block`` by ``block`` cells; blocks overlap, so most cells occur several times.

    Args:
        histograms: ``[..., rows, columns, orientations]``, at least one block of them.
        block: height and width of a block in cells.
        norm: see `normalize`.

    Returns:
        ``[..., rows - block + 1, columns - block + 1, block, block, orientations]``.

    Raises:
        ValueError: another ``norm``.
    """
    blocks = histograms.unfold(-3, block, 1).unfold(-3, block, 1).movedim(-3, -1)
    return normalize(blocks.flatten(-3), norm).unflatten(-1, blocks.shape[-3:])


def hog(
    image: Tensor,
    orientations: int = 9,
    cell: int = 8,
    block: int = 2,
    norm: str = "L2-Hys",
    signed: bool = False,
    color: bool = False,
) -> Tensor:
    """Histograms of oriented gradients of an image.

    An image of 128 x 64 pixels has 16 x 8 cells and 15 x 7 blocks: 15 * 7 * 2 * 2 * 9 = 3,780 numbers.

    Args:
        image: ``[..., H, W]``, floating point or integers; ``[..., C, H, W]`` with ``color``.
        orientations: bins of a histogram; 9 unsigned or 18 signed are usual.
        cell: height and width of a cell in pixels.
        block: height and width of a block in cells.
        norm: see `normalize`.
        signed: tell a direction from its opposite (dark to light from light to dark).
        color: at each pixel use the channel with the longest gradient.

    Returns:
        ``[..., H // cell - block + 1, W // cell - block + 1, block, block, orientations]``.

    Raises:
        ValueError: the image is smaller than a block, or holds NaN or an infinite number; ``orientations``, ``cell`` or
            ``block`` is below 1; or another ``norm``.
    """
    if min(orientations, cell, block) < 1:
        raise ValueError(f"orientations={orientations}, cell={cell} and block={block} are at least 1.")
    height, width = image.shape[-2:]
    if min(height, width) < cell * block:
        raise ValueError(
            f"An image of {height} x {width} holds no block: {cell * block} x {cell * block} pixels."
        )
    if not image.isfinite().all():
        raise ValueError("The image holds NaN or infinite numbers.")
    x, y = image_gradients(image)
    if color:
        x, y = strongest_channel(x, y)
    return block_descriptors(cell_histograms(x, y, orientations, cell, signed), block, norm)
