"""Average precision as Pascal VOC (2007 and since 2010) and COCO define it.

Detections and targets are lists with one dict for each image: ``{"boxes": [D, 4], "labels": [D], "scores": [D]}`` and
``{"boxes": [G, 4], "labels": [G]}``, optionally with ``"difficult"``: bool ``[G]``. Labels count from 1; 0 is the
background. Detections of equal score keep the order in which they come, image by image: sorting is stable.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from cnncourse.checks import one_of
from cnncourse.detection.boxes import box_iou

FALSE, TRUE, NEITHER = 0, 1, -1  # what a detection turns out to be; NEITHER counts nowhere


# --------------------------------------------------------------------------------- from a ranking to a number
def precision_recall(outcomes: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """Precision and recall after each detection of a ranking.

    Args:
        outcomes: integers ``[D]``, `TRUE` or `FALSE` for every detection, best score first; D may be 0.
        total: number of objects to be found, at least 1.

    Returns:
        Two float64 ``[D]``: true / (true + false) and true / total among the first 1, 2, ..., D.
    """
    true = (outcomes == TRUE).cumsum(0).double()
    return true / torch.arange(1, len(outcomes) + 1, device=true.device), true / total


def envelope(precision: Tensor) -> Tensor:
    """The best precision at this recall or any higher one.

    Args:
        precision: float ``[D]``; D may be 0.

    Returns:
        ``[D]``, never increasing.
    """
    return precision.flip(0).cummax(0).values.flip(0)


def average_precision_11_points(precision: Tensor, recall: Tensor) -> Tensor:
    """VOC 2007: the mean over recall 0, 0.1, ..., 1 of the best precision at this recall or a higher one.

    Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge" (2010, section 4.2).

    Args:
        precision, recall: float64 ``[D]`` from `precision_recall`; may be empty.

    Returns:
        Scalar float64 in [0, 1].
    """
    points = torch.arange(11, device=recall.device) / recall.new_tensor(10)  # k / 10 rounds as t / n does
    return _mean_best(precision, recall >= points[:, None])


def _mean_best(precision: Tensor, reached: Tensor) -> Tensor:
    """The mean over points of the best precision ``reached`` (bool ``[points, D]``), 0 where none is."""
    if not precision.numel():
        return precision.new_zeros(())
    return torch.where(reached, precision, 0).max(1).values.mean()


def average_precision_area(precision: Tensor, recall: Tensor) -> Tensor:
    """VOC since 2010: the area under the envelope of precision over recall.

    Args:
        precision, recall: float64 ``[D]`` from `precision_recall`; may be empty.

    Returns:
        Scalar float64 in [0, 1].
    """
    steps = torch.diff(recall, prepend=recall.new_zeros(1))
    return (steps * envelope(precision)).sum() if len(recall) else recall.new_zeros(())


def average_precision_101_points(precision: Tensor, recall: Tensor) -> Tensor:
    """COCO: as with 11 points, at recall 0, 0.01, ..., 1 (the published code's rounding of these numbers).

    Args:
        precision, recall: float64 ``[D]`` from `precision_recall`; may be empty.

    Returns:
        Scalar float64 in [0, 1].
    """
    points = torch.from_numpy(np.linspace(0.0, 1.0, 101)).to(recall.device)
    return _mean_best(precision, recall >= points[:, None])


# --------------------------------------------------------------------- which detections of an image are right
def judge_voc(iou: Tensor, difficult: Tensor, threshold: float = 0.5) -> list[int]:
    """Judge the detections of one class in one image as VOC does.

    A detection is compared with the object it overlaps most. Below the threshold it is false; if the object is
    difficult it counts nowhere; if a better detection has taken the object it is false; else it is true.

    Args:
        iou: ``[D, G]``, detections in order of decreasing score by objects; D or G may be 0.
        difficult: bool ``[G]``.
        threshold: inclusive.

    Returns:
        D times `TRUE`, `FALSE` or `NEITHER`.
    """
    if iou.shape[1] == 0:
        return [FALSE] * len(iou)
    best, objects = (column.tolist() for column in iou.max(1))
    difficult, taken, outcomes = difficult.tolist(), set(), []
    for overlap, g in zip(best, objects, strict=True):
        if overlap < threshold or (g in taken and not difficult[g]):
            outcomes.append(FALSE)
        elif difficult[g]:
            outcomes.append(NEITHER)
        else:
            taken.add(g)
            outcomes.append(TRUE)
    return outcomes


def judge_coco(iou: Tensor, difficult: Tensor, threshold: float = 0.5) -> list[int]:
    """Judge the detections of one class in one image as COCO does.

    A detection takes, of the objects that are still free, the one it overlaps most (of equals the last), if the
    overlap reaches the threshold. COCO has crowds instead of difficult objects; neither is supported here.

    Args:
        iou: ``[D, G]``, detections in order of decreasing score by objects; D or G may be 0.
        difficult: bool ``[G]``, all False.
        threshold: inclusive.

    Returns:
        D times `TRUE` or `FALSE`.

    Raises:
        ValueError: an object is difficult.
    """
    if difficult.any():
        raise ValueError("COCO's average precision knows no difficult objects")
    free, outcomes = set(range(iou.shape[1])), []
    for row in iou.tolist():
        best = max(((row[g], g) for g in free), default=(-1.0, -1))
        right = best[0] >= min(threshold, 1 - 1e-10)  # as the published code: an IoU of 1 may be rounded
        free.discard(best[1] if right else -1)
        outcomes.append(TRUE if right else FALSE)
    return outcomes


# -------------------------------------------------------------------------------------------- whole data sets
def evaluate_voc(
    detections: Sequence[dict[str, Tensor]],
    targets: Sequence[dict[str, Tensor]],
    num_classes: int,
    threshold: float = 0.5,
    variant: str = "2010",
) -> dict[str, Tensor]:
    """Average precision of every class and their mean, by Pascal VOC's rules.

    Args:
        detections: ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}`` for each image.
        targets: ``{"boxes": [G, 4], "labels": int64 [G]}`` for each image, and perhaps ``"difficult"``: bool ``[G]``.
        num_classes: with the background, 21 for VOC.
        threshold: smallest IoU of a right detection.
        variant: "2007" (11 points) or "2010" (area).

    Returns:
        ``{"ap": float64 [num_classes], "map": scalar}``, on the CPU; NaN for the background and for classes without
        objects, which the mean leaves out.

    Raises:
        ValueError: another ``variant``; not as many detections as targets; or an image whose boxes, labels and scores
            differ in number, with a score of NaN, or with a label outside ``1..num_classes - 1``.
    """
    measures = {"2007": average_precision_11_points, "2010": average_precision_area}
    one_of("variant", variant, measures)
    _check(detections, targets, num_classes)
    ap = _average_precisions(detections, targets, num_classes, threshold, judge_voc, measures[variant], None)
    return {"ap": ap, "map": ap.nanmean()}


def evaluate_coco(
    detections: Sequence[dict[str, Tensor]], targets: Sequence[dict[str, Tensor]], num_classes: int
) -> dict[str, Tensor]:
    """COCO's mean average precision: over classes and IoU thresholds 0.5, 0.55, ..., 0.95.

    At most the 100 best detections of a class in an image count.

    Args:
        detections: ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}`` for each image.
        targets: ``{"boxes": [G, 4], "labels": int64 [G]}`` for each image.
        num_classes: with the background.

    Returns:
        ``{"map": ..., "map_50": ..., "map_75": ...}`` scalars, ``"ap"``: float64 ``[num_classes]`` over all thresholds;
        on the CPU, NaN as in `evaluate_voc`.

    Raises:
        ValueError: an object is difficult, or what `evaluate_voc` refuses.
    """
    _check(detections, targets, num_classes)
    measure = average_precision_101_points
    ap = torch.stack(
        [
            _average_precisions(detections, targets, num_classes, t, judge_coco, measure, 100)
            for t in np.linspace(0.5, 0.95, 10)
        ]
    )
    return {"ap": ap.mean(0), "map": ap.nanmean(), "map_50": ap[0].nanmean(), "map_75": ap[5].nanmean()}


def _average_precisions(
    detections: Sequence[dict[str, Tensor]],
    targets: Sequence[dict[str, Tensor]],
    num_classes: int,
    threshold: float,
    judge: Callable,
    measure: Callable,
    limit: int | None,
) -> Tensor:
    result = torch.full((num_classes,), float("nan"), dtype=torch.float64)
    for label in range(1, num_classes):
        scores, outcomes, total = _judge_class(detections, targets, label, threshold, judge, limit)
        if total:
            order = scores.argsort(descending=True, stable=True)
            ranked = outcomes[order]
            result[label] = measure(*precision_recall(ranked[ranked != NEITHER], total))
    return result


def _judge_class(
    detections: Sequence[dict[str, Tensor]],
    targets: Sequence[dict[str, Tensor]],
    label: int,
    threshold: float,
    judge: Callable,
    limit: int | None,
) -> tuple[Tensor, Tensor, int]:
    """Scores and outcomes of all detections of one class, and how many objects there are to be found."""
    all_scores, outcomes, total = [torch.zeros(0, dtype=torch.float64)], [], 0
    for found, truth in zip(detections, targets, strict=True):
        of_class = truth["labels"].cpu() == label
        difficult = truth.get("difficult", torch.zeros(len(of_class))).cpu().bool()[of_class]
        total += int((~difficult).sum())
        mine = found["labels"].cpu() == label
        scores, order = found["scores"].cpu()[mine].double().sort(descending=True, stable=True)
        boxes = found["boxes"].cpu()[mine][order[:limit]].double()
        all_scores.append(scores[:limit])
        outcomes += judge(box_iou(boxes, truth["boxes"].cpu()[of_class].double()), difficult, threshold)
    return torch.cat(all_scores), torch.tensor(outcomes, dtype=torch.int64), total


def _check(
    detections: Sequence[dict[str, Tensor]], targets: Sequence[dict[str, Tensor]], num_classes: int
) -> None:
    if len(detections) != len(targets):
        raise ValueError(f"detections of {len(detections)} images, targets of {len(targets)}")
    for i, (found, truth) in enumerate(zip(detections, targets, strict=True)):
        if not len(found["boxes"]) == len(found["labels"]) == len(found["scores"]):
            raise ValueError(f"image {i}: boxes, labels and scores of the detections differ in number")
        if found["scores"].isnan().any():
            raise ValueError(f"image {i}: a detection's score is NaN")
        if len(truth["boxes"]) != len(truth["labels"]):
            raise ValueError(f"image {i}: {len(truth['boxes'])} boxes but {len(truth['labels'])} labels")
        for labels in (found["labels"], truth["labels"]):
            if len(labels) and not 1 <= int(labels.min()) <= int(labels.max()) < num_classes:
                raise ValueError(
                    f"image {i}: labels must lie in 1..{num_classes - 1}, got {labels.unique().tolist()}"
                )
