"""Region proposals: how good they are, and two ways to get some without looking at the image.

Whatever a proposal method is called, it answers with boxes ``[N, 4]``, the most promising first; its quality is the
part of the objects that its first n boxes cover.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cnncourse.detection.boxes import box_iou


def random_boxes(count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Boxes with two corners drawn uniformly: what a method that looks at the image has to beat.

    Args:
        count: how many.
        size: ``(height, width)`` of the image.
        generator: decides the boxes, and their device.

    Returns:
        float32 ``[count, 4]`` in pixels.
    """
    corners = torch.rand(count, 2, 2, generator=generator, device=generator.device).sort(1).values
    height, width = size
    return corners.flatten(1) * corners.new_tensor([width, height, width, height])


def sliding_windows(
    size: tuple[int, int], alpha: float = 0.65, min_area: float = 1000, max_aspect: float = 3
) -> Tensor:
    """Boxes on a grid of places, sizes and shapes, so dense that neighbours have an IoU of about ``alpha``.

    Zitnick and Dollár, "Edge Boxes" (2014, section 3.3): a step along any one of the axes costs as much. Boxes of equal
    size that are d of their width apart have an IoU of (1 - d) / (1 + d); one inside another of the same shape, the
    ratio of their areas; concentric ones of equal area whose aspects are t^2 : 1, 1 / (2 t - 1).

    Args:
        size: ``(height, width)`` of the image.
        alpha: between 0 and 1; 0.65 is a good value if an IoU of 0.7 is wanted.
        min_area: of the smallest boxes, in square pixels.
        max_aspect: width by height or height by width of the longest.

    Returns:
        float32 ``[N, 4]`` in pixels inside the image, small ones first.

    Raises:
        ValueError: ``alpha`` is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha} is an IoU between 0 and 1.")
    height, width = size
    shift, grow, stretch = (1 - alpha) / (1 + alpha), alpha**-0.5, (1 + 1 / alpha) / 2
    boxes = [torch.zeros(0, 4)]
    side = min_area**0.5
    while side <= (height * width) ** 0.5:
        aspect = 1.0  # the square root of width by height
        while aspect * stretch <= max_aspect**0.5 + 1e-9:
            aspect *= stretch
        while aspect >= max_aspect**-0.5 - 1e-9:
            boxes.append(_grid(size, (side / aspect, side * aspect), shift))
            aspect /= stretch
        side *= grow
    return torch.cat(boxes)


def _grid(size: tuple[int, int], box: tuple[float, float], shift: float) -> Tensor:
    """Boxes of one height and width at every ``shift`` of these, the first and last at the image's edges."""
    starts = []
    for extent, length in zip(size, box, strict=True):
        if length > extent:
            return torch.zeros(0, 4)
        starts.append(torch.linspace(0, extent - length, 1 + round((extent - length) / (shift * length))))
    y, x = (s.flatten() for s in torch.meshgrid(*starts, indexing="ij"))
    return torch.stack((x, y, x + box[1], y + box[0]), 1)


def recall(
    proposals: Sequence[Tensor], objects: Sequence[Tensor], counts: Sequence[int], threshold: float = 0.5
) -> Tensor:
    """The part of all objects that the first n proposals of their image cover.

    Args:
        proposals: boxes ``[N_i, 4]`` of each image, the most promising first.
        objects: boxes ``[M_i, 4]`` of each image, in the same pixels.
        counts: the numbers n.
        threshold: IoU from which (inclusive) an object is covered.

    Returns:
        float64 ``[len(counts)]`` in [0, 1].

    Raises:
        ValueError: there is no object in any image.
    """
    covered = [box_iou(o.to(p), p) >= threshold for p, o in zip(proposals, objects, strict=True)]
    if not sum(map(len, covered)):
        raise ValueError("No image holds an object: recall is a part of nothing.")
    return torch.stack(
        [torch.cat([c[:, :count].any(1) for c in covered]).double().mean() for count in counts]
    )
