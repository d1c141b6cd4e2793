"""The same answers as `cnncourse.detection.nms`, in blocks instead of box by box."""

import torch
from torch import Tensor

BLOCK = 128  # boxes judged together: small enough for [BLOCK, N] temporaries to stay in the cache


def nms(
    boxes: Tensor, scores: Tensor, threshold: float, labels: Tensor | None = None, limit: int | None = None
) -> Tensor:
    """`nms`, or `batched_nms` when labels are given; stops at the ``limit`` best boxes kept."""
    order = scores.argsort(descending=True, stable=True)
    kept, count = [order[:0]], 0
    while len(order) and (limit is None or count < limit):
        block, order = order[:BLOCK], order[BLOCK:]
        suppresses = _suppresses(boxes, labels, block, block, threshold).triu(1)
        best = block[_greedy(suppresses)]
        kept.append(best)
        count += len(best)
        if len(order):
            order = order[~_suppresses(boxes, labels, best, order, threshold).any(0)]
    return torch.cat(kept)[:limit]


def _greedy(suppresses: Tensor) -> Tensor:
    """Which boxes stay when row i, if it stays itself, removes the columns j > i that it marks.

    A box stays if no box that stays suppresses it: iterated from "all stay", every pass settles at least one more
    box for good, and usually a few passes settle all.
    """
    stays = suppresses.new_ones(len(suppresses))
    while True:
        now = ~(suppresses & stays[:, None]).any(0)
        if torch.equal(now, stays):
            return stays
        stays = now


def _suppresses(
    boxes: Tensor, labels: Tensor | None, rows: Tensor, columns: Tensor, threshold: float
) -> Tensor:
    """bool ``[len(rows), len(columns)]``: IoU, as `box_iou` rounds it, above the threshold; same label."""
    x1, y1, x2, y2 = boxes[rows].T[:, :, None]
    u1, v1, u2, v2 = boxes[columns].T[:, None, :]
    width = (torch.minimum(x2, u2) - torch.maximum(x1, u1)).clamp_(min=0)
    height = (torch.minimum(y2, v2) - torch.maximum(y1, v1)).clamp_(min=0)
    intersection = width.mul_(height)
    union = ((x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1)).sub_(intersection)
    over = intersection / union > threshold  # two empty boxes: NaN, which is not above anything
    if threshold < 0:
        over |= union == 0
    if labels is not None:
        over &= labels[rows][:, None] == labels[columns]
    return over
