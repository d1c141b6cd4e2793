"""Classification with localization: one object an image, its class and its box from the same features.

As in Sermanet et al., "OverFeat" (2014, section 4), without its sliding window.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.detection.boxes import box_iou


class Localizer(nn.Module):
    """Two heads on one network: softmax over classes, and four numbers for the box.

    Args:
        features: images ``[B, 3, H, W]`` to ``[B, hidden]``, e.g. AlexNet or VGG without the last layer.
        hidden: 4096 there.
        num_classes: there is no background: every image shows an object.
    """

    def __init__(self, features: nn.Module, hidden: int, num_classes: int):
        super().__init__()
        self.features = features
        self.classify = nn.Linear(hidden, num_classes)
        self.regress = nn.Linear(hidden, 4)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What each image shows, and where.

        Args:
            images: float ``[B, 3, H, W]``, of a size that ``features`` reads.

        Returns:
            Logits ``[B, num_classes]`` and boxes ``[B, 4]`` in fractions of the image's width and height.
        """
        hidden = self.features(images)
        return self.classify(hidden), self.regress(hidden)


def localization_loss(
    logits: Tensor, boxes: Tensor, labels: Tensor, wanted: Tensor, box_weight: float = 1.0
) -> dict[str, Tensor]:
    """Softmax loss plus squared L2 distance of the box, both averaged over images.

    Args:
        logits: ``[B, K]``.
        boxes, wanted: ``[B, 4]``, predicted and true, in fractions of the image.
        labels: int64 ``[B]`` in 0 ... K - 1.
        box_weight: multiplies the second.

    Returns:
        ``{"loss_classifier": scalar, "loss_box_reg": scalar}``.
    """
    return {
        "loss_classifier": F.cross_entropy(logits, labels),
        "loss_box_reg": box_weight * (boxes - wanted).square().sum(1).mean(),
    }


def localized(labels: Tensor, boxes: Tensor, true_labels: Tensor, true_boxes: Tensor) -> Tensor:
    """Which images are right as ILSVRC counts: the class is, and the IoU is at least 1/2.

    Args:
        labels, true_labels: integers ``[B]``, predicted and true; B at least 1.
        boxes, true_boxes: ``[B, 4]``, predicted and true, in the same units.

    Returns:
        bool ``[B]``.
    """
    overlap = torch.stack([box_iou(a[None], b[None])[0, 0] for a, b in zip(boxes, true_boxes, strict=True)])
    return (labels == true_labels) & (overlap >= 0.5)


def fractions(boxes: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """Boxes in pixels as fractions of their image's width and height.

    Args:
        boxes: ``[B, 4]``, one of each image.
        sizes: ``(height, width)`` of each image in pixels.

    Returns:
        ``[B, 4]`` floating point.
    """
    sides = boxes.new_tensor([[width, height, width, height] for height, width in sizes])
    return boxes / sides
