"""Sheets of results: scenes in which a detector finds everything, and those in which it is wrong most."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from cnncourse.detection.boxes import box_iou
from cnncourse.training.networks import CLASSES
from cnncourse.visualize.scenes import boxes_figure

Detections = dict[str, Tensor]


def confident(found: Detections, score: float) -> Detections:
    """The detections of an image whose score is at least so high."""
    return {name: rows[found["scores"] >= score] for name, rows in found.items()}


def mistakes(found: Detections, target: dict[str, Tensor]) -> int:
    """Objects that no detection of their class overlaps by half, difficult ones aside, plus detections of nothing.

    Args:
        found: ``boxes`` ``[D, 4]`` and ``labels`` int64 ``[D]``.
        target: ``boxes`` ``[N, 4]``, ``labels`` int64 ``[N]`` and ``difficult`` bool ``[N]``.
    """
    hit = box_iou(found["boxes"], target["boxes"]) >= 0.5
    hit &= found["labels"][:, None] == target["labels"][None]
    return int((~hit.any(0) & ~target["difficult"]).sum() + (~hit.any(1)).sum())


def best_and_worst(
    found: Sequence[Detections], targets: Sequence[dict[str, Tensor]], count: int
) -> list[int]:
    """Indices of ``count`` scenes with the fewest mistakes, then of ``count`` with the most.

    Of scenes with equally few, those with most detections come first: an empty scene shows nothing. ``found`` and
    ``targets`` hold for each scene what `mistakes` takes.
    """
    wrong = [mistakes(one, target) for one, target in zip(found, targets, strict=True)]
    best = sorted(range(len(found)), key=lambda index: (wrong[index], -len(found[index]["boxes"])))
    worst = sorted(range(len(found)), key=lambda index: -wrong[index])
    return [*best[:count], *worst[:count]]


def draw_scenes(axes: Iterable, images: Sequence, found: Iterable[Detections]) -> None:
    """Each image (uint8 ``[H, W, 3]``) on axes of its own, with its detections."""
    for ax, image, one in zip(axes, images, found, strict=True):
        pairs = zip(one["labels"].tolist(), one["scores"].tolist(), strict=True)
        names = [f"{CLASSES[label - 1]} {score:.2f}" for label, score in pairs]
        boxes_figure(image, one["boxes"].tolist(), names, ax)


def written(found: Detections) -> dict[str, list]:
    """An image's detections for a JSON."""
    return {name: [_rounded(value) for value in rows.tolist()] for name, rows in found.items()}


def read(found: dict[str, list]) -> Detections:
    """What `written` wrote."""
    return {
        "boxes": torch.tensor(found["boxes"], dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(found["labels"], dtype=torch.int64),
        "scores": torch.tensor(found["scores"], dtype=torch.float32),
    }


def _rounded(value):
    return [round(one, 2) for one in value] if isinstance(value, list) else round(value, 3)
