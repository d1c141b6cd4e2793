"""What is different between classification, detection and segmentation: data, a step of training, what is measured.

The loop is one and the same. `Task` puts the three together for networks that are trained on the embedded data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms import v2

from cnncourse.data import voc
from cnncourse.data.box_augmentation import flip
from cnncourse.detection.metrics import evaluate_voc
from cnncourse.segmentation import metrics
from cnncourse.segmentation.fcn import segmentation_loss
from cnncourse.training.data import (
    AnnotatedImages,
    LabelledImages,
    MaskedImages,
    crops_and_reflections,
    open_images,
    open_scenes,
)
from cnncourse.training.loop import Data, Step, classification_step, evaluate
from cnncourse.training.networks import BACKGROUND_TOO, CLASSES, SCENES


# ---------------------------------------------------------------------------------------------------------- detection
def detection_step(model: nn.Module, batch: tuple) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of a detector's losses, a scalar, and each of them.

    A batch is what `AnnotatedImages` collates: images float ``[3, H, W]``, and their targets.
    """
    losses = model(*batch)
    return sum(losses.values()), losses


@torch.no_grad()
def detect(model: nn.Module, images: Sequence[Tensor], batch_size: int = 50) -> list[dict[str, Tensor]]:
    """What a detector finds; the model is left in evaluation mode.

    Args:
        model: torchvision's contract for detectors.
        images: float ``[3, H, W]`` in [0, 1], on any device.
        batch_size: images at a time.

    Returns:
        For each image ``boxes`` float ``[D, 4]``, ``labels`` int64 ``[D]`` and ``scores`` float ``[D]``, on the CPU.
    """
    model.eval()
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(images), batch_size):
        batch = [image.to(device) for image in images[start : start + batch_size]]
        found += [{name: rows.cpu() for name, rows in one.items()} for one in model(batch)]
    return found


def average_precision(
    model: nn.Module, data: AnnotatedImages, classes: Sequence[str] = CLASSES
) -> dict[str, float]:
    """Average precision of every class at an IoU of 0.5 (area under the curve), and their mean, in percent.

    Args:
        classes: without the background; one of which ``data`` has no object is left out.

    Returns:
        ``map``, and each class by its name.
    """
    images, targets = data.collate([data[index] for index in range(len(data))])
    result = evaluate_voc(detect(model, images), targets, len(classes) + 1)
    names = ("background", *classes)
    each = {
        name: round(100 * ap, 2) for name, ap in zip(names, result["ap"].tolist(), strict=True) if ap == ap
    }
    return {"map": round(100 * result["map"].item(), 2), **each}


# ------------------------------------------------------------------------------------------------------- segmentation
def segmentation_step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean loss of the pixels that are not void, a scalar.

    Args:
        model: images to scores ``[B, classes, H, W]``.
        batch: images float ``[B, 3, H, W]`` and masks int64 ``[B, H, W]``.
    """
    images, masks = batch
    return segmentation_loss(model(images), masks, normalize=True), {}


@torch.no_grad()
def measures(model: nn.Module, data: MaskedImages, classes: int = BACKGROUND_TOO) -> dict[str, float]:
    """The paper's four measures over all pixels of ``data``, in percent; the model is left in evaluation mode.

    Args:
        model: images float ``[1, 3, H, W]`` to scores ``[1, classes, H, W]``, on any device.
        classes: with the background.
    """
    model.eval()
    device = next(model.parameters()).device
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for index in range(len(data)):
        images, masks = data.collate([data[index]])
        matrix += metrics.confusion_matrix(model(images.to(device)).argmax(1).cpu(), masks, classes)
    return _percent(matrix)


def ceiling(data: MaskedImages, stride: int, classes: int = BACKGROUND_TOO) -> dict[str, float]:
    """The measures of the truth itself, known at every ``stride``-th pixel only and interpolated between them.

    The arguments are those of `measures`.
    """
    matrix = torch.zeros(classes, classes, dtype=torch.int64)
    for index in range(len(data)):
        mask = data[index][1].long()
        known = torch.where(mask == voc.VOID, 0, mask)[stride // 2 :: stride, stride // 2 :: stride]
        scores = F.one_hot(known, classes).permute(2, 0, 1)[None].float()
        enlarged = F.interpolate(scores, size=mask.shape, mode="bilinear", align_corners=False)
        matrix += metrics.confusion_matrix(enlarged.argmax(1)[0], mask, classes)
    return _percent(matrix)


def _percent(matrix: Tensor) -> dict[str, float]:
    found = {
        "pixel_accuracy": metrics.pixel_accuracy(matrix),
        "mean_accuracy": metrics.mean_accuracy(matrix),
        "mean_iu": metrics.mean_iu(matrix),
        "frequency_weighted_iu": metrics.frequency_weighted_iu(matrix),
    }
    return {name: round(100 * value.item(), 2) for name, value in found.items()}


# ----------------------------------------------------------------------------------------------- on the embedded data
@dataclass(frozen=True)
class Task:
    """What a network is trained for.

    Args:
        data: the first so many training images, with their augmentation.
        augmentation: its name.
        step: of the training loop.
        measure: everything that is told of a trained network, in percent.
        check: one measure of it, on so small a part of the test split that a test can ask for it.
    """

    data: Callable[[int], Data]
    augmentation: str
    step: Step
    measure: Callable[[nn.Module], dict[str, float]]
    check: Callable[[nn.Module], dict[str, float]]


def error(model: nn.Module, count: int, times: int = 1) -> float:
    """The error on the first ``count`` test images, enlarged so many times, in percent."""
    return round(100 * evaluate(model, labelled("test", count, times))["error"], 3)


def labelled(split: str, count: int | None, times: int = 1, **options) -> LabelledImages:
    """The first ``count`` images of the embedded set, enlarged so many times; ``options`` of `LabelledImages`."""
    images, labels, _ = open_images(None, split, 32, count)
    return LabelledImages(images.repeat(times, 1).repeat(times, 2), labels, **options)


def precision(model: nn.Module, split: str, count: int) -> float:
    """The mean average precision on the first ``count`` scenes of a split, in percent."""
    return average_precision(model, _annotated(split, count))["map"]


def _annotated(split: str, count: int, augmentation: v2.Transform | None = None) -> AnnotatedImages:
    return AnnotatedImages(open_scenes(None, split, SCENES, count), augmentation)


def mean_iu(model: nn.Module, split: str, count: int) -> float:
    """The mean intersection over union on the first ``count`` scenes of a split, in percent."""
    return measures(model, _masked(split, count))["mean_iu"]


def _masked(split: str, count: int, flip: bool = False) -> MaskedImages:
    return MaskedImages(open_scenes(None, split, SCENES, count, masks=True), flip)


def classification(times: int = 1) -> Task:
    """The embedded CIFAR-10, its images enlarged so many times (each pixel becomes a square)."""
    return Task(
        lambda count: labelled("train", count, times, augmentation=crops_and_reflections),
        "crops and reflections",
        classification_step,
        lambda model: {"test_error": error(model, 10_000, times)},
        lambda model: {"test_error_500": error(model, 500, times)},
    )


CLASSIFICATION = classification()
DETECTION = Task(
    lambda count: _annotated("train", count, flip()),
    "reflections",
    detection_step,
    lambda model: {
        "test_map": precision(model, "test", 1000),
        "unseen_drawings_map": precision(model, "unseen_drawings", 1000),
        "unseen_style_map": precision(model, "unseen_style", 1000),
    },
    lambda model: {"test_map_100": precision(model, "test", 100)},
)
SEGMENTATION = Task(
    lambda count: _masked("train", count, flip=True),
    "reflections",
    segmentation_step,
    lambda model: {
        "test_mean_iu": mean_iu(model, "test", 1000),
        "unseen_drawings_mean_iu": mean_iu(model, "unseen_drawings", 1000),
        "unseen_style_mean_iu": mean_iu(model, "unseen_style", 1000),
    },
    lambda model: {"test_mean_iu_100": mean_iu(model, "test", 100)},
)
