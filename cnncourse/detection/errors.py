"""What kinds of mistakes a detector makes.

Hoiem, Chodpathumwan and Dai, "Diagnosing Error in Object Detectors" (2012), in the form in which Redmon et al. use it
to compare YOLO with Fast R-CNN (2016, section 4.2). Classes that resemble each other are not told apart from others
here: a wrong class is a wrong class.
"""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from cnncourse.detection.boxes import box_iou

KINDS = ("correct", "localization", "other class", "background")
TOUCHES = 0.1  # the smallest IoU that has to do with an object at all


def error_kinds(
    detections: Sequence[dict[str, Tensor]],
    targets: Sequence[dict[str, Tensor]],
    num_classes: int,
    threshold: float = 0.5,
) -> dict[str, float]:
    """Which share of the best detections is right, and what is wrong with the others.

    Of each class the N best detections of all images count, N being the number of its objects. A detection is

    * correct: its best object of the same class has an IoU of at least ``threshold`` and no better detection has it;
    * a localization error: an object of its class, with an IoU of at least 0.1, but not correct (a second box on an
      object already found is one, too);
    * an other class: no object of its class, but one of another class, with an IoU of at least 0.1;
    * background: none of these.

    Args:
        detections: ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}`` for each image.
        targets: ``{"boxes": [G, 4], "labels": int64 [G]}`` for each image. Difficult objects count like others.
        num_classes: with the background.
        threshold: IoU from which (inclusive) a box is right.

    Returns:
        Percent of each of `KINDS`, which sum to 100 but for rounding to two places; all 0 without any detection.
    """
    counts: Counter[str] = Counter()
    for label in range(1, num_classes):
        total = sum(int((target["labels"] == label).sum()) for target in targets)
        taken: set[tuple[int, int]] = set()
        for i, box in _best(detections, label, total):
            counts[_kind(box, label, targets[i], i, taken, threshold)] += 1
    return {kind: round(100 * counts[kind] / max(counts.total(), 1), 2) for kind in KINDS}


def _best(detections: Sequence[dict[str, Tensor]], label: int, count: int) -> list[tuple[int, Tensor]]:
    """The best ``count`` detections of a class: (index of the image, box ``[4]``), best first."""
    found = []
    for i, one in enumerate(detections):
        mine = one["labels"] == label
        found += [
            (score, i, box)
            for score, box in zip(one["scores"][mine].tolist(), one["boxes"][mine], strict=True)
        ]
    found.sort(key=lambda row: -row[0])
    return [(i, box) for _, i, box in found[:count]]


def _kind(box: Tensor, label: int, target: dict[str, Tensor], i: int, taken: set, threshold: float) -> str:
    """The kind of one detection in image i; ``taken`` holds (image, object) of those found so far, and grows."""
    if not len(target["boxes"]):
        return "background"
    overlap = box_iou(box[None].double(), target["boxes"].double())[0]
    same = target["labels"] == label
    best, which = torch.where(same, overlap, -1.0).max(0)
    if best >= threshold and (i, int(which)) not in taken:
        taken.add((i, int(which)))
        return "correct"
    if best >= TOUCHES:
        return "localization"
    return "other class" if overlap.max() >= TOUCHES else "background"
