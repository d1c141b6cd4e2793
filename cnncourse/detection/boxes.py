"""Boxes: formats, clipping, intersection over union, coding relative to other boxes.

A box is ``(x1, y1, x2, y2)`` in pixels, right and bottom exclusive: its width is ``x2 - x1``, a pixel of an
image is a box of width 1, a box with ``x2 == x1`` is empty. Where others count otherwise a named function
converts.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

# exp() of a size correction is cut at a factor of 1000 / 16, from a 16-pixel anchor to a 1000-pixel image:
# the bound of the published Detectron code. Without it one wild output early in training is an infinite box.
MAX_LOG_SCALE = math.log(1000 / 16)


# ------------------------------------------------------------------------------------------------- formats
def corners_to_center(boxes: Tensor) -> Tensor:
    """``(x1, y1, x2, y2)`` to ``(cx, cy, width, height)``.

    Args:
        boxes: ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` floating point.
    """
    x1, y1, x2, y2 = boxes.unbind(-1)
    return torch.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), -1)


def center_to_corners(boxes: Tensor) -> Tensor:
    """``(cx, cy, width, height)`` to ``(x1, y1, x2, y2)``.

    Args:
        boxes: ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` floating point.
    """
    cx, cy, width, height = boxes.unbind(-1)
    return torch.stack((cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2), -1)


def corners_to_size(boxes: Tensor) -> Tensor:
    """``(x1, y1, x2, y2)`` to COCO's ``(x1, y1, width, height)``.

    Args:
        boxes: ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` of the same dtype.
    """
    return torch.cat((boxes[..., :2], boxes[..., 2:] - boxes[..., :2]), -1)


def size_to_corners(boxes: Tensor) -> Tensor:
    """COCO's ``(x1, y1, width, height)`` to ``(x1, y1, x2, y2)``.

    Args:
        boxes: ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` of the same dtype.
    """
    return torch.cat((boxes[..., :2], boxes[..., :2] + boxes[..., 2:]), -1)


def from_voc(boxes: Tensor) -> Tensor:
    """Boxes of Pascal VOC's files, which count pixels from 1, the last one included: subtract 1 from the first corner.

    Args:
        boxes: ``(x1, y1, x2, y2)`` as in the files, ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` of the same dtype.
    """
    return boxes - boxes.new_tensor([1, 1, 0, 0])


def to_voc(boxes: Tensor) -> Tensor:
    """The inverse of `from_voc`.

    Args:
        boxes: ``[..., 4]``, any dtype.

    Returns:
        ``[..., 4]`` of the same dtype, as in Pascal VOC's files.
    """
    return boxes + boxes.new_tensor([1, 1, 0, 0])


# ------------------------------------------------------------------------------------- area, overlap, bounds
def box_area(boxes: Tensor) -> Tensor:
    """Width times height, in the boxes' dtype (half precision ends at 65,504: a box of 256 x 256 pixels).

    Args:
        boxes: ``[..., 4]`` in pixels.

    Returns:
        ``[...]`` in square pixels.
    """
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of every box of ``a`` with every box of ``b``, in the boxes' dtype (see `box_area`).

    Args:
        a: ``[M, 4]``, ``x1 <= x2`` and ``y1 <= y2``; M may be 0.
        b: ``[N, 4]``, likewise.

    Returns:
        ``[M, N]`` in [0, 1], floating point. Two empty boxes have an IoU of 0 (torchvision: 0 / 0 = NaN).
    """
    top_left = torch.maximum(a[:, None, :2], b[:, :2])
    bottom_right = torch.minimum(a[:, None, 2:], b[:, 2:])
    intersection = (bottom_right - top_left).clamp(min=0).prod(-1)
    union = box_area(a)[:, None] + box_area(b) - intersection
    return torch.where(union > 0, intersection / torch.where(union > 0, union, 1), 0)


def clip_boxes(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Move corners that lie outside an image onto its border.

    Args:
        boxes: ``[..., 4]`` in pixels.
        size: ``(height, width)`` of the image.

    Returns:
        ``[..., 4]`` of the same dtype; a box wholly outside becomes empty.
    """
    height, width = size
    x = boxes[..., 0::2].clamp(0, width)
    y = boxes[..., 1::2].clamp(0, height)
    return torch.stack((x, y), -1).flatten(-2)


def large_enough(boxes: Tensor, min_size: float) -> Tensor:
    """Which boxes are at least ``min_size`` wide and high.

    Args:
        boxes: ``[N, 4]``.
        min_size: in the boxes' units, inclusive.

    Returns:
        bool ``[N]``.
    """
    return ((boxes[:, 2:] - boxes[:, :2]) >= min_size).all(1)


def inside_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Which boxes do not reach beyond an image.

    Args:
        boxes: ``[N, 4]`` in pixels.
        size: ``(height, width)`` of the image.

    Returns:
        bool ``[N]``.
    """
    height, width = size
    return (boxes[:, :2] >= 0).all(1) & (boxes[:, 2] <= width) & (boxes[:, 3] <= height)


# --------------------------------------------------------------------------------------------------- coding
def encode_boxes(boxes: Tensor, anchors: Tensor, weights: Sequence[float] = (1, 1, 1, 1)) -> Tensor:
    """Describe boxes relative to anchors: the targets of box regression.

    Girshick et al., "Rich feature hierarchies" (2014, appendix C): t_x = (G_x - P_x) / P_w, t_w = log(G_w / P_w) with
    centres x and sizes w. The targets are multiplied by ``weights``, which brings them to a common scale; SSD calls
    1 / weights "variances".

    Args:
        boxes: ``[..., 4]`` in pixels, not empty.
        anchors: ``[..., 4]`` in pixels, not empty; broadcast against ``boxes``.
        weights: for x, y, width, height.

    Returns:
        ``[..., 4]`` floating point.
    """
    box, anchor = corners_to_center(boxes), corners_to_center(anchors)
    shift = (box[..., :2] - anchor[..., :2]) / anchor[..., 2:]
    scale = torch.log(box[..., 2:] / anchor[..., 2:])
    code = torch.cat((shift, scale), -1)
    return code * code.new_tensor(weights)


def decode_boxes(
    code: Tensor,
    anchors: Tensor,
    weights: Sequence[float] = (1, 1, 1, 1),
    max_log_scale: float = MAX_LOG_SCALE,
) -> Tensor:
    """The inverse of `encode_boxes`; growth is limited to a factor of ``exp(max_log_scale)``.

    Args:
        code: ``[..., 4]`` as from `encode_boxes`.
        anchors: ``[..., 4]`` in pixels, broadcast against ``code`` (``[N, 1, 4]`` for a code of every class).
        weights: those of the coding.
        max_log_scale: the largest logarithm of a new width or height by the anchor's.

    Returns:
        ``[..., 4]`` corners in pixels, not clipped to any image, with the dtype of ``code``.
    """
    code = code / code.new_tensor(weights)
    anchor = corners_to_center(anchors.to(code.dtype))
    center = anchor[..., :2] + code[..., :2] * anchor[..., 2:]
    size = anchor[..., 2:] * torch.exp(code[..., 2:].clamp(max=max_log_scale))
    return torch.cat((center - size / 2, center + size / 2), -1)
