"""Anchors of the region proposal network and default boxes of SSD: fixed boxes that tile the image."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from cnncourse.checks import one_of


def base_anchors(
    sizes: Sequence[float] = (128, 256, 512),
    ratios: Sequence[float] = (0.5, 1, 2),
    stride: int = 16,
    variant: str = "paper",
) -> Tensor:
    """The anchors of one position: every ratio with every size.

    Ren et al., "Faster R-CNN" (2015, section 3.1.1). Anchors of one size have (nearly) one area.

    Args:
        sizes: square roots of the areas, in pixels.
        ratios: height / width.
        stride: pixels from one position to the next.
        variant: "paper" is the published code's: around the middle of the position's first ``stride`` pixels, the
            sides of the smallest box rounded, the last pixel included in its coordinates: (-84, -40, 99, 55) there
            is (-84, -40, 100, 56) here. "torchvision": around the corner of those pixels, corners rounded.

    Returns:
        float32 ``[A, 4]`` in pixels; the ratio varies slowest.

    Raises:
        ValueError: another ``variant``.
    """
    one_of("variant", variant, ("paper", "torchvision"))
    if variant == "paper":
        anchors = [_caffe_anchor(size, ratio, stride) for ratio in ratios for size in sizes]
        return from_caffe(torch.tensor(anchors))
    size = torch.tensor(sizes, dtype=torch.float32)
    root = torch.tensor(ratios, dtype=torch.float32).sqrt()
    width, height = (1 / root[:, None] * size).flatten(), (root[:, None] * size).flatten()
    return (torch.stack((-width, -height, width, height), 1) / 2).round()


def _caffe_anchor(size: float, ratio: float, stride: int) -> list[float]:
    """One base anchor as the published code counts: corners are pixels, both inside the box."""
    # The ratio is applied to a box of stride x stride pixels, and its sides are rounded.
    width = round(math.sqrt(stride * stride / ratio))
    height = round(width * ratio)
    width, height = width * size / stride, height * size / stride
    middle = (stride - 1) / 2
    return [
        middle - (width - 1) / 2,
        middle - (height - 1) / 2,
        middle + (width - 1) / 2,
        middle + (height - 1) / 2,
    ]


def from_caffe(boxes: Tensor) -> Tensor:
    """Boxes whose last pixel is included, counted from 0, to ours: add 1 to the second corner.

    Args:
        boxes: ``(x1, y1, x2, y2)``, ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` of the same dtype.
    """
    return boxes + boxes.new_tensor([0, 0, 1, 1])


def grid_anchors(base: Tensor, size: tuple[int, int], stride: int | tuple[int, int]) -> Tensor:
    """Put the base anchors at every position of a feature map.

    Ren et al., "Faster R-CNN" (2015, section 3.1.1).

    Args:
        base: ``[A, 4]`` in pixels, around the first position.
        size: ``(H, W)`` of the feature map.
        stride: pixels of the image between positions, one number or (down, across).

    Returns:
        ``[H * W * A, 4]`` in pixels with dtype and device of ``base``: row by row, at each position all A.
    """
    down, across = (stride, stride) if isinstance(stride, int) else stride
    y = torch.arange(size[0], device=base.device) * down
    x = torch.arange(size[1], device=base.device) * across
    y, x = torch.meshgrid(y, x, indexing="ij")
    shifts = torch.stack((x, y, x, y), -1).to(base.dtype)  # [H, W, 4]
    return (shifts[:, :, None] + base).flatten(0, 2)


def default_box_sizes(size: float, next_size: float, ratios: Sequence[float]) -> list[tuple[float, float]]:
    """Width and height of SSD's default boxes at one position of one feature map.

    Liu et al., "SSD" (2016, section 2.2): a square of this map's size, a square of the geometric mean with the next
    map's size, and for every further ratio a box of this map's area lying and one standing.

    Args:
        size: side of this map's square, in pixels.
        next_size: side of the next map's.
        ratios: width / height of the lying ones, beyond 1.

    Returns:
        ``2 + 2 * len(ratios)`` times (width, height) in pixels, in this order.
    """
    between = math.sqrt(size * next_size)
    boxes = [(size, size), (between, between)]
    for ratio in ratios:
        long, short = size * math.sqrt(ratio), size / math.sqrt(ratio)
        boxes += [(long, short), (short, long)]
    return boxes


def default_boxes(
    maps: Sequence[tuple[int, int]],
    steps: Sequence[float],
    sizes: Sequence[float],
    ratios: Sequence[Sequence[float]],
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """SSD's default boxes on all feature maps.

    Liu et al., "SSD" (2016, section 2.2). Centres stand in the middle of cells of ``step`` pixels. Boxes are not
    clipped to the image, and with the published steps some centres lie outside it: the last of the 10 x 10 map at
    9.5 * 32 = 304 of 300 pixels.

    Args:
        maps: ``(H, W)`` of every feature map, e.g. 38, 19, 10, 5, 3, 1 squared.
        steps: pixels between centres for each map, e.g. 8, 16, 32, 64, 100, 300.
        sizes: one for each map and one more, in pixels: 30, 60, 111, 162, 213, 264, 315 (SSD300, Pascal VOC).
        ratios: beyond 1, for each map: (2,), (2, 3), (2, 3), (2, 3), (2,), (2,).
        dtype, device: of the result.

    Returns:
        ``[D, 4]`` corners in pixels: map by map, row by row, at each position all boxes. D is 8,732 for SSD300.

    Raises:
        ValueError: the numbers of maps, steps, ratios and sizes do not fit together.
    """
    if not len(maps) == len(steps) == len(ratios) == len(sizes) - 1:
        raise ValueError(
            f"{len(maps)} maps need as many steps and ratios and one more size, "
            f"got {len(steps)}, {len(ratios)} and {len(sizes)}"
        )
    boxes = []
    for k, ((height, width), step) in enumerate(zip(maps, steps, strict=True)):
        shapes = torch.tensor(
            default_box_sizes(sizes[k], sizes[k + 1], ratios[k]), dtype=dtype, device=device
        )
        y = (torch.arange(height, dtype=dtype, device=device) + 0.5) * step
        x = (torch.arange(width, dtype=dtype, device=device) + 0.5) * step
        y, x = torch.meshgrid(y, x, indexing="ij")
        centers = torch.stack((x, y), -1)[:, :, None]  # [H, W, 1, 2]
        boxes.append(torch.cat((centers - shapes / 2, centers + shapes / 2), -1).flatten(0, 2))
    return torch.cat(boxes)
