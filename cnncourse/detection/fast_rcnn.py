"""Fast R-CNN: one pass over the image, RoI pooling, classes and boxes from one head.

Girshick, "Fast R-CNN" (2015). Where the paper is silent the published code decides.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.classification.vgg import vgg
from cnncourse.detection import _nms_fast, _roi_fast
from cnncourse.detection.boxes import box_iou, clip_boxes, decode_boxes, encode_boxes, large_enough
from cnncourse.detection.inputs import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Targets,
    check_images,
    check_targets,
    limited_size,
    prepare,
    scale_boxes,
)
from cnncourse.detection.matching import NEGATIVE, match, sample_balanced

# 1 / the standard deviations 0.1, 0.1, 0.2, 0.2 that the published code divides by.
CODE_WEIGHTS = (10, 10, 5, 5)


# ------------------------------------------------------------------------------------------------- training
def roi_targets(
    proposals: Tensor,
    target: dict[str, Tensor],
    foreground: float = 0.5,
    background: tuple[float, float] = (0.1, 0.5),
) -> tuple[Tensor, Tensor]:
    """What every region of an image should say.

    Section 2.3, "Mini-batch sampling": an IoU of at least ``foreground`` with an object makes a region an example of
    its class; those between the two ``background`` bounds (the lower one inclusive) are background, the rest is
    ignored. The lower bound makes background examples harder. Where there are no objects every region is background
    (the published code skips such images).

    Args:
        proposals: ``[P, 4]`` in pixels.
        target: ``{"boxes": [M, 4], "labels": int64 [M]}``, labels from 1; M may be 0.
        foreground: smallest IoU of an example of a class.
        background: IoU from which on, and below which, a region is background.

    Returns:
        Labels int64 ``[P]``: a class, 0 or -1 (ignored); codes ``[P, 4]`` as `encode_boxes` with weights 10, 10, 5, 5
        gives them, 0 where there is no object.
    """
    boxes = target["boxes"].to(proposals.dtype)
    iou = box_iou(boxes, proposals)
    matches = match(iou, foreground, foreground)
    labels = torch.full_like(matches, -1)
    best = iou.max(0).values if len(boxes) else torch.full_like(proposals[:, 0], background[0])
    labels[(matches == NEGATIVE) & (best >= background[0]) & (best < background[1])] = 0
    positive = matches >= 0
    labels[positive] = target["labels"][matches[positive]]
    codes = torch.zeros_like(proposals)
    codes[positive] = encode_boxes(boxes[matches[positive]], proposals[positive], CODE_WEIGHTS)
    return labels, codes


def fast_rcnn_loss(
    logits: Tensor, codes: Tensor, labels: Tensor, wanted: Tensor, beta: float = 1.0
) -> dict[str, Tensor]:
    """The multi-task loss: log loss of the class plus, for regions with an object, smooth L1 of its class's box.

    Section 2.3, equations 1 to 3, averaged over all R regions (also where only some hold an object).

    Args:
        logits: ``[R, K]``.
        codes: ``[R, K, 4]``, a box for every class.
        labels: int64 ``[R]``, 0 the background.
        wanted: ``[R, 4]``, codes as from `roi_targets`; only those of regions with an object count.
        beta: where smooth L1 turns from square to line (paper 1, torchvision 1/9).

    Returns:
        ``{"loss_classifier": scalar, "loss_box_reg": scalar}``; 0 without regions.
    """
    count = max(len(labels), 1)
    positive = (labels > 0).nonzero()[:, 0]
    of_class = F.cross_entropy(logits, labels, reduction="sum")
    chosen = codes[positive, labels[positive]]
    of_box = F.smooth_l1_loss(chosen, wanted[positive], reduction="sum", beta=beta)
    return {"loss_classifier": of_class / count, "loss_box_reg": of_box / count}


# ------------------------------------------------------------------------------------------------- inference
def fast_rcnn_detections(
    logits: Tensor,
    codes: Tensor,
    proposals: Tensor,
    size: tuple[int, int],
    score_threshold: float = 0.05,
    nms_threshold: float = 0.3,
    limit: int = 100,
) -> dict[str, Tensor]:
    """Boxes, labels and scores of one image: every region as every class, NMS within each class.

    Boxes that are less than a hundredth of a pixel wide or high when clipped to the image are dropped.

    Args:
        logits: ``[R, K]``.
        codes: ``[R, K, 4]``, as for `fast_rcnn_loss`.
        proposals: ``[R, 4]`` in pixels.
        size: ``(height, width)`` of the image.
        score_threshold: a class's probability has to be above it.
        nms_threshold: IoU above which the better of two boxes of a class suppresses the other.
        limit: detections at most.

    Returns:
        ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}``, boxes in pixels, best first.
    """
    boxes = clip_boxes(decode_boxes(codes, proposals[:, None], CODE_WEIGHTS), size)
    scores = logits.softmax(-1)
    region, label = (scores[:, 1:] > score_threshold).nonzero().T
    boxes, scores = boxes[region, label + 1], scores[region, label + 1]
    large = large_enough(boxes, 1e-2)
    boxes, scores, label = boxes[large], scores[large], label[large]
    kept = _nms_fast.nms(boxes, scores, nms_threshold, label, limit)
    return {"boxes": boxes[kept], "labels": label[kept] + 1, "scores": scores[kept]}


# -------------------------------------------------------------------------------------------------- the head
class RoIHead(nn.Module):
    """RoI pooling, fully connected layers, and side by side a softmax over classes and a box for every class.

    Args:
        layers: fully connected layers from pooled regions, flattened, to ``hidden`` numbers.
        hidden: their output.
        num_classes: with the background.
        output_size: bins of RoI pooling, (rows, columns).
        spatial_scale: 1 / stride of the feature map.
        samples: regions of a training batch, in equal parts from its images (section 2.3: 128 from 2).
        positive_fraction: largest share of regions with an object.
        background: see `roi_targets`.
        beta: see `fast_rcnn_loss`.
        score_threshold, nms_threshold, limit: see `fast_rcnn_detections`.
        pool: `roi_pool`, or another function of the same arguments (`roi_align`).
    """

    def __init__(
        self,
        layers: nn.Module,
        hidden: int,
        num_classes: int,
        output_size: tuple[int, int] = (7, 7),
        spatial_scale: float = 1 / 16,
        samples: int = 128,
        positive_fraction: float = 0.25,
        background: tuple[float, float] = (0.1, 0.5),
        beta: float = 1.0,
        score_threshold: float = 0.05,
        nms_threshold: float = 0.3,
        limit: int = 100,
        pool: Callable = _roi_fast.roi_pool,
    ):
        super().__init__()
        self.layers, self.num_classes = layers, num_classes
        self.score = _normal(nn.Linear(hidden, num_classes), 0.01)
        self.regress = _normal(nn.Linear(hidden, 4 * num_classes), 0.001)
        self.output_size, self.spatial_scale, self.pool = output_size, spatial_scale, pool
        self.samples, self.positive_fraction, self.background = samples, positive_fraction, background
        self.beta, self.score_threshold = beta, score_threshold
        self.nms_threshold, self.limit = nms_threshold, limit

    def predict(self, features: Tensor, proposals: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What the head says of all regions, image by image.

        Args:
            features: ``[B, C, H, W]``.
            proposals: B tensors ``[R_i, 4]`` in pixels.

        Returns:
            Logits ``[R, K]`` and codes ``[R, K, 4]``, R the sum of R_i.
        """
        pooled = self.pool(features, proposals, self.output_size, self.spatial_scale)
        hidden = self.layers(pooled.flatten(1))
        return self.score(hidden), self.regress(hidden).unflatten(1, (self.num_classes, 4))

    def losses(self, features: Tensor, proposals: Sequence[Tensor], targets: Targets) -> dict[str, Tensor]:
        """Sample regions of every image, its objects' boxes among them, and compare with their targets.

        Args:
            features: ``[B, C, H, W]``.
            proposals: B tensors ``[P_i, 4]`` in pixels.
            targets: ``{"boxes": [M_i, 4], "labels": int64 [M_i]}`` for each image, in the same pixels.

        Returns:
            The losses of `fast_rcnn_loss`.
        """
        chosen, labels, wanted = [], [], []
        for regions, target in zip(proposals, targets, strict=True):
            regions = torch.cat((regions, target["boxes"].to(regions.dtype)))
            label, code = roi_targets(regions, target, background=self.background)
            parts = sample_balanced(label, self.samples // len(targets), self.positive_fraction)
            sampled = torch.cat(parts).sort().values
            chosen.append(regions[sampled])
            labels.append(label[sampled])
            wanted.append(code[sampled])
        logits, codes = self.predict(features, chosen)
        return fast_rcnn_loss(logits, codes, torch.cat(labels), torch.cat(wanted), self.beta)

    def detections(
        self, features: Tensor, proposals: Sequence[Tensor], sizes: Sequence[tuple[int, int]]
    ) -> list[dict[str, Tensor]]:
        """Detections of every image in pixels of the network's images.

        Args:
            features: ``[B, C, H, W]``.
            proposals: B tensors ``[P_i, 4]`` in pixels.
            sizes: ``(height, width)`` of every image, without the batch's padding.

        Returns:
            For each image what `fast_rcnn_detections` returns.
        """
        counts = [len(p) for p in proposals]
        logits, codes = (out.split(counts) for out in self.predict(features, proposals))
        settings = self.score_threshold, self.nms_threshold, self.limit
        return [
            fast_rcnn_detections(*parts, *settings)
            for parts in zip(logits, codes, proposals, sizes, strict=True)
        ]


def _normal(layer: nn.Linear, std: float) -> nn.Linear:
    """Section 2.2: zero-mean Gaussians of deviation 0.01 and 0.001, biases 0."""
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer


# ------------------------------------------------------------------------------------------------- the model
class FastRCNN(nn.Module):
    """Fast R-CNN: images and proposals in, losses or detections out.

    Args:
        trunk: images ``[B, 3, H, W]`` to features ``[B, C, h, w]``.
        head: a `RoIHead` for these.
        shorter, longer: images are resized so that the shorter side has ``shorter`` pixels and the longer at most
            ``longer``.
        mean, std: of the images' channels.
    """

    def __init__(
        self,
        trunk: nn.Module,
        head: RoIHead,
        shorter: int = 600,
        longer: int = 1000,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ):
        super().__init__()
        self.trunk, self.head = trunk, head
        self.shorter, self.longer, self.mean, self.std = shorter, longer, mean, std

    def forward(self, images: Sequence[Tensor], proposals: Sequence[Tensor], targets: Targets | None = None):
        """Losses when training, detections when not, all in pixels of the images as they came.

        Args:
            images: float ``[3, H_i, W_i]``.
            proposals: ``[P_i, 4]`` for each image, from whatever method.
            targets: only when training: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image.

        Returns:
            ``{"loss_classifier", "loss_box_reg"}``, or for each image
            ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}``, best first.

        Raises:
            ValueError: what `check_images` and, when training, `check_targets` refuse; or not as many proposals as
                images.
        """
        check_images(images)
        if len(proposals) != len(images):
            raise ValueError(f"{len(images)} images but proposals for {len(proposals)}")
        if self.training:
            check_targets(images, targets, self.head.num_classes)
        sizes = [limited_size(image.shape[1:], self.shorter, self.longer) for image in images]
        batch, targets = prepare(images, targets, sizes, self.mean, self.std)
        proposals = [
            scale_boxes(p.to(batch.dtype), image.shape[1:], size)
            for p, image, size in zip(proposals, images, sizes, strict=True)
        ]
        features = self.trunk(batch)
        if self.training:
            return self.head.losses(features, proposals, targets)
        return restore(self.head.detections(features, proposals, sizes), sizes, images)


def restore(
    detections: list[dict[str, Tensor]], sizes: Sequence[tuple[int, int]], images: Sequence[Tensor]
) -> list[dict[str, Tensor]]:
    """Detections in pixels of the resized images, moved to those of the images as they came.

    Args:
        detections: a dict for each image with ``"boxes"``: ``[D, 4]``; changed in place.
        sizes: ``(height, width)`` of the resized images.
        images: ``[3, H_i, W_i]`` as they came; only their sizes count.

    Returns:
        The same list.
    """
    for detection, size, image in zip(detections, sizes, images, strict=True):
        detection["boxes"] = scale_boxes(detection["boxes"], size, image.shape[1:])
    return detections


class Parts(NamedTuple):
    """A classifier taken apart for detection."""

    trunk: nn.Sequential  # what lies before the last pooling
    layers: nn.Sequential  # the fully connected layers without the last
    channels: int  # of the trunk's map
    stride: int  # of the trunk's map
    hidden: int  # numbers that the layers give out
    bins: tuple[int, int]  # that the layers read, hence RoI pooling's


def vgg_parts(classifier: nn.Module, frozen: int = 2) -> Parts:
    """A VGG taken apart (section 2.2): RoI pooling takes the place of the last pooling.

    Args:
        classifier: a network with ``features`` whose poolings halve the map and which ends in one, ``avgpool`` and
            ``classifier``; its layers are used, not copied: what is frozen is so in the classifier, too.
        frozen: stages of the trunk that are not trained: conv1 and conv2 in the published models.

    Returns:
        Its `Parts`; the trunk takes images ``[B, 3, H, W]`` to ``[B, channels, H // stride, W // stride]``.
    """
    pools = [i for i, layer in enumerate(classifier.features) if isinstance(layer, nn.MaxPool2d)]
    trunk = classifier.features[: pools[-1]]
    if frozen:
        trunk[: pools[frozen - 1]].requires_grad_(False)
    layers = classifier.classifier[:-1]
    channels = [layer.out_channels for layer in trunk if isinstance(layer, nn.Conv2d)][-1]
    hidden = [layer.out_features for layer in layers if isinstance(layer, nn.Linear)][-1]
    size = classifier.avgpool.output_size
    bins = (size, size) if isinstance(size, int) else tuple(size)
    return Parts(trunk, layers, channels, 2 ** (len(pools) - 1), hidden, bins)


def fast_rcnn_vgg(
    num_classes: int = 21,
    classifier: nn.Module | None = None,
    frozen: int = 2,
    shorter: int = 600,
    longer: int = 1000,
    **head,
) -> FastRCNN:
    """Fast R-CNN on a VGG: 134,690,729 parameters with VGG-16 and 21 classes.

    Args:
        num_classes: with the background.
        classifier: a VGG, e.g. pre-trained or narrow; a new VGG-16 when None. RoI pooling has as many bins as its
            ``avgpool``.
        frozen: see `vgg_parts`.
        shorter, longer: see `FastRCNN`.
        head: more arguments of `RoIHead`.
    """
    classifier = vgg(16) if classifier is None else classifier
    parts = vgg_parts(classifier, frozen)
    roi_head = RoIHead(parts.layers, parts.hidden, num_classes, parts.bins, 1 / parts.stride, **head)
    return FastRCNN(parts.trunk, roi_head, shorter, longer)
