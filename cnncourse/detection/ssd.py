"""SSD: boxes and classes from several feature maps in one pass.

Liu et al., "SSD: Single Shot MultiBox Detector" (2016). Where the paper is silent the published Caffe code decides.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.classification.vgg import vgg
from cnncourse.detection import _nms_fast
from cnncourse.detection.anchors import default_boxes
from cnncourse.detection.boxes import box_iou, clip_boxes, decode_boxes, encode_boxes, large_enough
from cnncourse.detection.inputs import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Targets,
    check_images,
    check_targets,
    prepare,
    scale_boxes,
)
from cnncourse.detection.matching import NEGATIVE, match_bipartite

CODE_WEIGHTS = (10, 10, 5, 5)  # 1 / the published "variances" 0.1, 0.1, 0.2, 0.2


class Layout(NamedTuple):
    """Everything about default boxes and extra layers that depends on the size of the image."""

    image_size: int
    sizes: tuple[float, ...]  # of the default boxes, one for each map and one more, in pixels
    steps: tuple[float, ...]  # pixels between the centres on each map
    ratios: tuple[tuple[float, ...], ...]  # beyond 1, on each map
    extras: tuple[tuple[int, int, int, int, int], ...]  # (1x1 channels, channels, kernel, stride, padding)


SSD300 = Layout(  # with the published sizes for Pascal VOC
    image_size=300,
    sizes=(30, 60, 111, 162, 213, 264, 315),
    steps=(8, 16, 32, 64, 100, 300),
    ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    extras=((256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 1, 0), (128, 256, 3, 1, 0)),
)

SSD512 = Layout(
    image_size=512,
    sizes=(35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6),
    steps=(8, 16, 32, 64, 128, 256, 512),
    ratios=((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    extras=(
        *((256, 512, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1), (128, 256, 3, 2, 1)),
        (128, 256, 4, 1, 1),
    ),
)

SSD96 = Layout(  # course size: maps of 12, 6, 3 and 1 cells a side
    image_size=96,
    sizes=(14, 28, 48, 68, 90),
    steps=(8, 16, 32, 96),
    ratios=((2,), (2, 3), (2, 3), (2,)),
    extras=((256, 512, 3, 2, 1), (128, 256, 3, 1, 0)),
)


# ----------------------------------------------------------------------------------------------- the network
class L2Norm(nn.Module):
    """Every position's vector is brought to length 1, then each channel is scaled by a learned factor.

    Liu, Rabinovich and Berg, "ParseNet" (2016, section 3.3): conv4_3 has larger values than later maps. The factors
    start at 20.

    Args:
        channels: of the map.
        scale: what the factors start at.
    """

    def __init__(self, channels: int, scale: float = 20.0):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """The map normalised and scaled.

        Args:
            x: ``[B, C, H, W]``.

        Returns:
            ``[B, C, H, W]``; a position of zeros stays zero.
        """
        return self.scale.view(-1, 1, 1) * F.normalize(x, dim=1)


class SSDTrunk(nn.Module):
    """VGG-16 up to pool5 and then smaller and smaller maps (figure 2, section 3).

    pool3 rounds up (75 cells become 38); pool5 is 3 x 3 with stride 1; fc6 and fc7 are convolutions, fc6 with holes
    (dilation 6); pairs of a 1 x 1 and a larger convolution follow.

    Args:
        features: of VGG, with five poolings; its layers are used, not copied, and its third pooling is made to round
            up.
        extras: see `Layout`.
        width: multiplies the channels of fc6, fc7 and the extras.

    Raises:
        ValueError: ``features`` has more or fewer poolings.
    """

    def __init__(self, features: nn.Sequential, extras: Sequence[tuple], width: float = 1.0):
        super().__init__()
        pools = [i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
        if len(pools) != 5:
            raise ValueError(f"the trunk needs five poolings, as VGG has; this one has {len(pools)}")
        features[pools[2]].ceil_mode = True
        channels = _channels(features)
        hidden = _scaled(1024, width)
        self.norm = L2Norm(channels)
        self.first = features[: pools[3]]
        self.later = nn.ModuleList([features[pools[3] : pools[4]].extend(_fc6_fc7(channels, hidden))])
        self.channels = [channels, hidden]
        for narrow, wide, kernel, stride, padding in extras:
            narrow, wide = _scaled(narrow, width), _scaled(wide, width)
            self.later.append(_extra(self.channels[-1], narrow, wide, kernel, stride, padding))
            self.channels.append(wide)

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps that SSD looks at.

        Args:
            x: images ``[B, 3, H, W]``.

        Returns:
            One map ``[B, C_k, H_k, W_k]`` for each row of the layout, the finest first: conv4_3 normalised, fc7, the
            extras.
        """
        x = self.first(x)
        maps = [self.norm(x)]
        for block in self.later:
            x = block(x)
            maps.append(x)
        return maps


def _fc6_fc7(channels: int, hidden: int) -> nn.Sequential:
    layers = nn.Sequential(
        nn.MaxPool2d(3, 1, 1),
        nn.Conv2d(channels, hidden, 3, padding=6, dilation=6),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, hidden, 1),
        nn.ReLU(inplace=True),
    )
    return _xavier(layers)


def _extra(channels: int, narrow: int, wide: int, kernel: int, stride: int, padding: int) -> nn.Sequential:
    layers = nn.Sequential(
        nn.Conv2d(channels, narrow, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(narrow, wide, kernel, stride, padding),
        nn.ReLU(inplace=True),
    )
    return _xavier(layers)


def _xavier(layers: nn.Module) -> nn.Module:
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return layers


def _channels(layers: nn.Sequential) -> int:
    return [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)][-1]


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


class SSD(nn.Module):
    """SSD on VGG-16: SSD300 with the defaults.

    In training ``model(images, targets)`` returns ``{"bbox_regression", "classification"}`` (torchvision's names), else
    ``model(images)`` returns detections in pixels of the images as they came. Images are resized to the layout's
    square.

    Args:
        num_classes: with the background.
        layout: `SSD300`, `SSD512`, `SSD96` or one's own.
        features: of a VGG with five poolings, e.g. pre-trained; a new VGG-16's when None. See `SSDTrunk`.
        width: of new VGG, fc6, fc7 and extras.
        mean, std: of the images' channels.
        score_threshold, nms_threshold, candidates, limit: the published 0.01, 0.45, 400 a class, 200 an image.

    Raises:
        ValueError: ``features`` has more or fewer than five poolings.
    """

    def __init__(
        self,
        num_classes: int = 21,
        layout: Layout = SSD300,
        features: nn.Sequential | None = None,
        width: float = 1.0,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        score_threshold: float = 0.01,
        nms_threshold: float = 0.45,
        candidates: int = 400,
        limit: int = 200,
    ):
        super().__init__()
        self.num_classes, self.layout, self.mean, self.std = num_classes, layout, mean, std
        self.score_threshold, self.nms_threshold = score_threshold, nms_threshold
        self.candidates, self.limit = candidates, limit
        features = vgg(16, width=width, hidden=(1,), input_size=32).features if features is None else features
        self.trunk = SSDTrunk(features, layout.extras, width)
        counts = [2 + 2 * len(ratios) for ratios in layout.ratios]  # default boxes at a position of each map
        channels = list(zip(self.trunk.channels, counts, strict=True))
        self.classify = _xavier(
            nn.ModuleList(nn.Conv2d(c, n * num_classes, 3, padding=1) for c, n in channels)
        )
        self.regress = _xavier(nn.ModuleList(nn.Conv2d(c, n * 4, 3, padding=1) for c, n in channels))

    def predict(self, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the network says of every default box, and these.

        Args:
            batch: normalised images ``[B, 3, size, size]`` of the layout's size.

        Returns:
            Logits ``[B, D, num_classes]``, codes ``[B, D, 4]``, default boxes ``[D, 4]`` in pixels.
        """
        maps = self.trunk(batch)
        logits = [_by_box(head(x), self.num_classes) for head, x in zip(self.classify, maps, strict=True)]
        codes = [_by_box(head(x), 4) for head, x in zip(self.regress, maps, strict=True)]
        layout, map_sizes = self.layout, [tuple(x.shape[-2:]) for x in maps]
        settings = layout.steps, layout.sizes, layout.ratios, batch.dtype, batch.device
        return torch.cat(logits, 1), torch.cat(codes, 1), default_boxes(map_sizes, *settings)

    def forward(self, images: Sequence[Tensor], targets: Targets | None = None):
        """Losses when training, detections when not; see the class.

        Args:
            images: float ``[3, H_i, W_i]``.
            targets: only when training: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image, in its
                pixels.

        Returns:
            The losses of `multibox_loss`, or for each image ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}``,
            best first.

        Raises:
            ValueError: what `check_images` and, when training, `check_targets` refuse.
        """
        check_images(images)
        if self.training:
            check_targets(images, targets, self.num_classes)
        size = (self.layout.image_size, self.layout.image_size)
        batch, targets = prepare(images, targets, [size] * len(images), self.mean, self.std)
        logits, codes, defaults = self.predict(batch)
        if self.training:
            return multibox_loss(logits, codes, targets, defaults)
        settings = self.score_threshold, self.nms_threshold, self.candidates, self.limit
        found = ssd_detections(logits, codes, defaults, size, *settings)
        for detection, image in zip(found, images, strict=True):
            detection["boxes"] = scale_boxes(detection["boxes"], size, image.shape[1:])
        return found


def _by_box(out: Tensor, numbers: int) -> Tensor:
    """``[B, n * numbers, H, W]`` to ``[B, H * W * n, numbers]``: the order of `default_boxes`."""
    return out.permute(0, 2, 3, 1).reshape(len(out), -1, numbers)


# -------------------------------------------------------------------------------------------------- the loss
def hard_negatives(loss: Tensor, positive: Tensor, ratio: float = 3.0) -> Tensor:
    """The negatives of an image with the highest loss, at most ``ratio`` for each positive.

    Section 2.2, "Hard negative mining". Per image: an image without positives contributes no negatives either.

    Args:
        loss: classification loss ``[B, D]``.
        positive: bool ``[B, D]``.
        ratio: negatives for each positive.

    Returns:
        bool ``[B, D]``, disjoint from ``positive``. Of equal losses the lower index goes first.
    """
    order = loss.masked_fill(positive, -torch.inf).argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(1)
    return (rank < ratio * positive.sum(1, keepdim=True)) & ~positive


def multibox_loss(
    logits: Tensor, codes: Tensor, targets: Targets, defaults: Tensor, threshold: float = 0.5
) -> dict[str, Tensor]:
    """Smooth L1 of positives plus softmax loss of positives and hard negatives, over the number of positives.

    Section 2.2, equations 1 to 3; the paper's weight alpha of the boxes is 1 there, and left out here. Without any
    positive the divisor is 1 (and both losses are 0). torchvision's loss differs where an image has fewer negatives
    than three for each positive: there it counts positives twice.

    Args:
        logits: ``[B, D, K]``, class 0 the background.
        codes: ``[B, D, 4]``, what `encode_boxes` with weights 10, 10, 5, 5 should give.
        targets: ``{"boxes": [M_i, 4], "labels": int64 [M_i]}`` for each image, in pixels of the network's image, labels
            1..K-1.
        defaults: default boxes ``[D, 4]`` in the same pixels.
        threshold: IoU from which on a default box is positive.

    Returns:
        ``{"bbox_regression": scalar, "classification": scalar}``.
    """
    labels, wanted = zip(*(ssd_targets(target, defaults, threshold) for target in targets), strict=True)
    labels, wanted = torch.stack(labels), torch.stack(wanted)  # [B, D], [B, D, 4]
    positive = labels > 0
    count = positive.sum().clamp(min=1)
    of_class = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    chosen = positive | hard_negatives(of_class.detach(), positive)
    of_box = F.smooth_l1_loss(codes[positive], wanted[positive], reduction="sum")
    return {"bbox_regression": of_box / count, "classification": of_class[chosen].sum() / count}


def ssd_targets(target: dict[str, Tensor], defaults: Tensor, threshold: float = 0.5) -> tuple[Tensor, Tensor]:
    """What every default box should say about an image.

    Section 2.2, "Matching strategy"; see `match_bipartite`.

    Args:
        target: ``{"boxes": [M, 4], "labels": int64 [M]}`` in pixels of the network's image, labels from 1; M may be 0.
        defaults: default boxes ``[D, 4]`` in the same pixels.
        threshold: IoU from which on a default box is positive.

    Returns:
        Labels int64 ``[D]``, 0 the background; codes ``[D, 4]`` as `encode_boxes` with weights 10, 10, 5, 5 gives them,
        0 for the background.
    """
    labels = defaults.new_zeros(len(defaults), dtype=torch.int64)
    codes = torch.zeros_like(defaults)
    objects = target["boxes"].to(defaults.dtype)
    matches = match_bipartite(box_iou(objects, defaults), threshold)
    positive = matches != NEGATIVE
    labels[positive] = target["labels"][matches[positive]]
    codes[positive] = encode_boxes(objects[matches[positive]], defaults[positive], CODE_WEIGHTS)
    return labels, codes


# ------------------------------------------------------------------------------------------------- inference
def ssd_detections(
    logits: Tensor,
    codes: Tensor,
    defaults: Tensor,
    size: tuple[int, int],
    score_threshold: float = 0.01,
    nms_threshold: float = 0.45,
    candidates: int = 400,
    limit: int = 200,
) -> list[dict[str, Tensor]]:
    """Boxes, labels and scores of every image: the best of a class, NMS within it, the best of all.

    Section 3.7, with the published code's 400 candidates a class. Boxes that are less than a hundredth of a pixel wide
    or high when clipped to the image are dropped, so those outside it (torchvision returns them).

    Args:
        logits, codes, defaults: ``[B, D, K]``, ``[B, D, 4]`` and ``[D, 4]`` as for `multibox_loss`.
        size: ``(height, width)`` of the network's image.
        score_threshold: a class's probability has to be above it.
        nms_threshold: IoU above which the better of two boxes of a class suppresses the other.
        candidates: boxes of a class that enter NMS at most.
        limit: detections of an image at most.

    Returns:
        For each image ``{"boxes": [N, 4], "labels": int64 [N], "scores": [N]}``, boxes in pixels of the network's
        image, best first.
    """
    detections = []
    for scores, code in zip(logits.softmax(-1), codes, strict=True):
        decoded = clip_boxes(decode_boxes(code, defaults, CODE_WEIGHTS), size)
        best, which = scores[:, 1:].T.sort(descending=True, stable=True)  # [K - 1, D]
        best, which = best[:, :candidates], which[:, :candidates]
        visible = large_enough(decoded, 1e-2)[which]
        of_class, place = ((best > score_threshold) & visible).nonzero().T
        score, found = best[of_class, place], decoded[which[of_class, place]]
        kept = _nms_fast.nms(found, score, nms_threshold, of_class, limit)
        detections.append({"boxes": found[kept], "labels": of_class[kept] + 1, "scores": score[kept]})
    return detections
