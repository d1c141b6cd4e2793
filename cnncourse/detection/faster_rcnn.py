"""Faster R-CNN: a region proposal network and Fast R-CNN's head on the same features, trained end to end.

Ren, He, Girshick and Sun, "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks" (2015).
This is the approximate joint training of section 3.2, the way of the published Python code: one step updates the RPN
and the head, and proposals are constants for the head.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from cnncourse.classification.vgg import vgg
from cnncourse.detection.fast_rcnn import RoIHead, restore, vgg_parts
from cnncourse.detection.inputs import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Targets,
    check_images,
    check_targets,
    limited_size,
    prepare,
)
from cnncourse.detection.rpn import RPN


class FasterRCNN(nn.Module):
    """Images in, a dict of four losses when training, detections when not (torchvision's contract and names).

    Args:
        trunk: images ``[B, 3, H, W]`` to features ``[B, C, h, w]``.
        rpn: an `RPN` for C channels and the trunk's stride.
        head: a `RoIHead` for the same features.
        shorter, longer: images are resized so that the shorter side has ``shorter`` pixels, the longer at most
            ``longer``.
        mean, std: of the images' channels.
        divisor: the batch is padded to multiples of this.
    """

    def __init__(
        self,
        trunk: nn.Module,
        rpn: RPN,
        head: RoIHead,
        shorter: int = 600,
        longer: int = 1000,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        divisor: int = 1,
    ):
        super().__init__()
        self.trunk, self.rpn, self.head = trunk, rpn, head
        self.shorter, self.longer = shorter, longer
        self.mean, self.std, self.divisor = mean, std, divisor

    def forward(self, images: Sequence[Tensor], targets: Targets | None = None):
        """Losses or detections.

        Args:
            images: float ``[3, H_i, W_i]``.
            targets: only when training: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image, in its
                pixels.

        Returns:
            ``{"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}``, or for each image
            ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}`` in its pixels, best first.

        Raises:
            ValueError: what `check_images` and, when training, `check_targets` refuse; or an image whose shorter side,
                resized, is below the RPN's stride.
        """
        check_images(images)
        if self.training:
            check_targets(images, targets, self.head.num_classes)
        sizes = [limited_size(image.shape[1:], self.shorter, self.longer) for image in images]
        self._check_sizes(sizes)
        batch, targets = prepare(images, targets, sizes, self.mean, self.std, self.divisor)
        features = self.trunk(batch)
        proposals, losses = self.rpn(features, sizes, targets if self.training else None)
        if self.training:
            return losses | self.head.losses(features, proposals, targets)
        return restore(self.head.detections(features, proposals, sizes), sizes, images)

    def _check_sizes(self, sizes: Sequence[tuple[int, int]]) -> None:
        for i, size in enumerate(sizes):
            if min(size) < self.rpn.stride:
                raise ValueError(
                    f"image {i} is too small for the network: resized to {size[0]} x {size[1]} pixels, "
                    f"its shorter side is below the stride of {self.rpn.stride}"
                )


def faster_rcnn_vgg(
    num_classes: int = 21,
    classifier: nn.Module | None = None,
    frozen: int = 2,
    shorter: int = 600,
    longer: int = 1000,
    rpn: dict | None = None,
    head: dict | None = None,
) -> FasterRCNN:
    """Faster R-CNN on a VGG: 137,078,239 parameters with VGG-16 and 21 classes, 136,818,079 of them trained.

    Args:
        num_classes: with the background.
        classifier: a VGG, e.g. pre-trained or narrow; a new VGG-16 when None.
        frozen: stages of the trunk that are not trained.
        shorter, longer: see `FasterRCNN`.
        rpn: more arguments of `RPN`: at course size smaller anchors (``sizes``), fewer ``samples``.
        head: more arguments of `RoIHead`. Background goes down to an IoU of 0 unless it says otherwise, as in the
            published end-to-end settings.
    """
    classifier = vgg(16) if classifier is None else classifier
    parts = vgg_parts(classifier, frozen)
    rpn_options = {"hidden": min(512, parts.channels)} | (rpn or {})
    head_options = {"background": (0.0, 0.5)} | (head or {})
    return FasterRCNN(
        parts.trunk,
        RPN(parts.channels, stride=parts.stride, **rpn_options),
        RoIHead(parts.layers, parts.hidden, num_classes, parts.bins, 1 / parts.stride, **head_options),
        shorter,
        longer,
    )
