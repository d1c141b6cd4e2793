"""Non-maximum suppression: of detections that overlap too much, keep the best."""

import torch
from torch import Tensor

from cnncourse.detection.boxes import box_iou


def nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Greedy non-maximum suppression.

    The best box is kept, every box whose IoU with it lies strictly above the threshold is dropped, and so on with what
    remains. Of equal scores the lower index goes first.

    Args:
        boxes: ``[N, 4]``; N may be 0.
        scores: ``[N]``.
        threshold: IoU above which a box is suppressed.

    Returns:
        int64 ``[K]``: indices of the boxes kept, best first.
    """
    order = scores.argsort(descending=True, stable=True)
    kept = [order[:0]]
    while len(order):
        best, rest = order[:1], order[1:]
        kept.append(best)
        overlap = box_iou(boxes[best], boxes[rest])[0]
        order = rest[overlap <= threshold]
    return torch.cat(kept)


def batched_nms(boxes: Tensor, scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """`nms` within each label by itself (a person does not suppress the bicycle under it).

    Args:
        boxes, scores: ``[N, 4]`` and ``[N]`` as for `nms`.
        labels: integers ``[N]``.
        threshold: IoU above which a box is suppressed.

    Returns:
        int64 ``[K]``: indices of the boxes kept, best first over all labels.
    """
    kept = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    for label in labels.unique():
        of_label = (labels == label).nonzero()[:, 0]
        kept[of_label[nms(boxes[of_label], scores[of_label], threshold)]] = True
    order = scores.argsort(descending=True, stable=True)
    return order[kept[order]]
