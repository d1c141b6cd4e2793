"""The region proposal network: objectness and a box for every anchor, from the detector's own features.

Ren, He, Girshick and Sun, "Faster R-CNN" (2015, section 3.1). Where the paper is silent the published Python code
decides.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.checks import one_of
from cnncourse.detection import _nms_fast
from cnncourse.detection.anchors import base_anchors, grid_anchors
from cnncourse.detection.boxes import (
    box_iou,
    clip_boxes,
    decode_boxes,
    encode_boxes,
    inside_image,
    large_enough,
)
from cnncourse.detection.inputs import Targets
from cnncourse.detection.matching import IGNORED, NEGATIVE, match, sample_balanced

SMOOTH_L1_BETA = 1 / 9  # the published code's sigma of 3: the square ends at 1 / sigma^2


class RPNHead(nn.Module):
    """A 3 x 3 convolution slides over the map; two 1 x 1 convolutions score and regress the A anchors there.

    Args:
        channels: of the feature map.
        anchors: A, anchors a position, each with its own predictor.
        hidden: channels between (512 for VGG-16, 256 for ZF).
        variant: "paper" has two scores an anchor under a softmax, "torchvision" one under a sigmoid. The difference of
            two scores is such a one, so both give one logit.

    Raises:
        ValueError: another ``variant``.
    """

    def __init__(self, channels: int, anchors: int, hidden: int = 512, variant: str = "paper"):
        super().__init__()
        one_of("variant", variant, ("paper", "torchvision"))
        self.anchors = anchors
        self.conv = nn.Conv2d(channels, hidden, 3, padding=1)
        self.score = nn.Conv2d(hidden, anchors * (2 if variant == "paper" else 1), 1)
        self.regress = nn.Conv2d(hidden, anchors * 4, 1)
        for layer in (self.conv, self.score, self.regress):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and codes of all anchors, ordered as by `grid_anchors`.

        Args:
            features: ``[B, C, H, W]``.

        Returns:
            Logits ``[B, N]`` and codes ``[B, N, 4]``, N = H * W * A.
        """
        hidden = self.conv(features).relu()
        scores = self.score(hidden)
        if scores.shape[1] == 2 * self.anchors:  # first the A background scores, then the A object scores
            scores = scores[:, self.anchors :] - scores[:, : self.anchors]
        codes = self.regress(hidden).unflatten(1, (self.anchors, 4))
        return scores.permute(0, 2, 3, 1).flatten(1), codes.permute(0, 3, 4, 1, 2).flatten(1, 3)


def rpn_targets(
    anchors: Tensor,
    boxes: Tensor,
    size: tuple[int, int] | None = None,
    positive: float = 0.7,
    negative: float = 0.3,
) -> tuple[Tensor, Tensor]:
    """What every anchor of an image should say.

    Section 3.1.2: positive are anchors with an IoU of at least ``positive`` and the best ones of every object, negative
    those below ``negative`` with all objects.

    Args:
        anchors: ``[N, 4]`` in pixels.
        boxes: objects ``[M, 4]`` in pixels; M may be 0, then all anchors are negative.
        size: ``(height, width)``: anchors that reach beyond the image are left out altogether (section 3.3), also when
            the best of an object are looked for. None keeps them (torchvision).
        positive, negative: IoU from which on, and below which; see `match`.

    Returns:
        Labels int64 ``[N]``: 1, 0, or -1 for anchors that training ignores; codes ``[N, 4]`` as from `encode_boxes`, 0
        where not positive.

    Raises:
        ValueError: ``negative`` is above ``positive``.
    """
    labels = torch.full((len(anchors),), -1, device=anchors.device)
    codes = torch.zeros_like(anchors)
    used = torch.ones_like(labels, dtype=torch.bool) if size is None else inside_image(anchors, size)
    matches = torch.full_like(labels, IGNORED)
    matches[used] = match(box_iou(boxes, anchors[used]), positive, negative, best_anchors=True)
    labels[matches == NEGATIVE] = 0
    labels[matches >= 0] = 1
    codes[matches >= 0] = encode_boxes(boxes[matches[matches >= 0]], anchors[matches >= 0])
    return labels, codes


def rpn_loss(
    logits: Tensor,
    codes: Tensor,
    labels: Sequence[Tensor],
    wanted: Sequence[Tensor],
    count: int = 256,
    positive_fraction: float = 0.5,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Log loss of a balanced sample of anchors plus smooth L1 of its positives.

    Equation 1, normalised as in the published code: both sums are divided by the number of sampled anchors. Smooth L1
    turns from square to line at 1/9, as there.

    Args:
        logits: ``[B, N]``.
        codes: ``[B, N, 4]``.
        labels, wanted: int64 ``[N]`` and ``[N, 4]`` for each image, from `rpn_targets`.
        count, positive_fraction: anchors drawn from each image, see `sample_balanced`.
        generator: for drawing.

    Returns:
        ``{"loss_objectness": scalar, "loss_rpn_box_reg": scalar}``; 0 where nothing is drawn.
    """
    sampled = torch.zeros_like(logits, dtype=torch.bool)
    for row, of_image in zip(sampled, labels, strict=True):
        for part in sample_balanced(of_image, count, positive_fraction, generator):
            row[part] = True
    labels, wanted = torch.stack(list(labels)), torch.stack(list(wanted))
    positive, total = sampled & (labels > 0), sampled.sum().clamp(min=1)
    of_object = F.binary_cross_entropy_with_logits(
        logits[sampled], labels[sampled].to(logits.dtype), reduction="sum"
    )
    of_box = F.smooth_l1_loss(codes[positive], wanted[positive], reduction="sum", beta=SMOOTH_L1_BETA)
    return {"loss_objectness": of_object / total, "loss_rpn_box_reg": of_box / total}


def propose(
    logits: Tensor,
    codes: Tensor,
    anchors: Tensor,
    size: tuple[int, int],
    before: int = 6000,
    after: int = 300,
    threshold: float = 0.7,
    min_size: float = 16,
) -> Tensor:
    """Regions of one image, best first: the best anchors, moved, clipped, large enough, thinned out by NMS.

    Section 3.3. Nothing is differentiated through the coordinates (approximate joint training, section 3.2).

    Args:
        logits: ``[N]``.
        codes: ``[N, 4]``.
        anchors: ``[N, 4]`` in pixels.
        size: ``(height, width)`` of the image.
        before, after: how many enter NMS, and how many leave at most.
        threshold: of NMS: IoU above which the better box suppresses the other.
        min_size: width and height at least, in pixels of the network's image (the published code: of the original one).

    Returns:
        ``[P, 4]`` in pixels, detached.
    """
    scores, order = logits.detach().sort(descending=True, stable=True)
    scores, order = scores[:before], order[:before]
    boxes = clip_boxes(decode_boxes(codes.detach()[order], anchors[order]), size)
    large = large_enough(boxes, min_size)
    boxes, scores = boxes[large], scores[large]
    return boxes[_nms_fast.nms(boxes, scores, threshold, limit=after)]


class RPN(nn.Module):
    """Proposals for every image; with targets also the losses.

    Args:
        channels: of the feature map.
        sizes, ratios, stride: of the anchors, see `base_anchors`.
        hidden: see `RPNHead`.
        variant: "paper", or "torchvision": its anchors, its single score, anchors beyond the image included.
        samples, positive_fraction, positive, negative: of training, see `rpn_loss` and `rpn_targets`.
        before, after: anchors into and out of NMS, (training, otherwise).
        threshold, min_size: see `propose`.

    Raises:
        ValueError: another ``variant``.
    """

    def __init__(
        self,
        channels: int,
        sizes: Sequence[float] = (128, 256, 512),
        ratios: Sequence[float] = (0.5, 1, 2),
        stride: int = 16,
        hidden: int = 512,
        variant: str = "paper",
        samples: int = 256,
        positive_fraction: float = 0.5,
        positive: float = 0.7,
        negative: float = 0.3,
        before: tuple[int, int] = (12000, 6000),
        after: tuple[int, int] = (2000, 300),
        threshold: float = 0.7,
        min_size: float = 16,
    ):
        super().__init__()
        self.register_buffer("base", base_anchors(sizes, ratios, stride, variant), persistent=False)
        self.head = RPNHead(channels, len(self.base), hidden, variant)
        self.stride, self.variant = stride, variant
        self.samples, self.positive_fraction = samples, positive_fraction
        self.positive, self.negative = positive, negative
        self.before, self.after, self.threshold, self.min_size = before, after, threshold, min_size

    def forward(
        self, features: Tensor, image_sizes: Sequence[tuple[int, int]], targets: Targets | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Proposals and losses.

        Args:
            features: ``[B, C, H, W]``.
            image_sizes: ``(height, width)`` of every image, without the batch's padding.
            targets: ``{"boxes": [M_i, 4], ...}`` for each image, in the same pixels; None when not training.

        Returns:
            B tensors ``[P_i, 4]``, and the losses of `rpn_loss` (empty without targets).
        """
        logits, codes = self.head(features)
        anchors = grid_anchors(self.base.to(features.dtype), features.shape[-2:], self.stride)
        before, after = (pair[0 if self.training else 1] for pair in (self.before, self.after))
        proposals = [
            propose(logit, code, anchors, size, before, after, self.threshold, self.min_size)
            for logit, code, size in zip(logits, codes, image_sizes, strict=True)
        ]
        if targets is None:
            return proposals, {}
        labels, wanted = [], []
        for target, size in zip(targets, image_sizes, strict=True):
            boxes, bounds = target["boxes"].to(anchors.dtype), size if self.variant == "paper" else None
            label, code = rpn_targets(anchors, boxes, bounds, self.positive, self.negative)
            labels.append(label)
            wanted.append(code)
        return proposals, rpn_loss(logits, codes, labels, wanted, self.samples, self.positive_fraction)
