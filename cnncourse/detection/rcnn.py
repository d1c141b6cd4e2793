"""R-CNN: regions with CNN features, in three stages.

Girshick, Donahue, Darrell and Malik, "Rich feature hierarchies for accurate object detection and semantic
segmentation" (2014). Constants are the published code's. The stages:

1. the network is fine-tuned as a classifier of warped regions, with a softmax that has a background class;
2. a linear SVM for every class, on the last hidden layer's features, with labels of its own and hard negatives;
3. a ridge regression for every class moves the boxes, from the last pooled map.

Proposals come from outside, Selective Search in the paper.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.detection import _nms_fast
from cnncourse.detection.boxes import box_iou, clip_boxes, decode_boxes, encode_boxes, large_enough
from cnncourse.detection.fast_rcnn import roi_targets
from cnncourse.detection.inputs import IMAGENET_MEAN, IMAGENET_STD, Targets, check_images, check_targets
from cnncourse.detection.matching import sample_balanced
from cnncourse.detection.roi import roi_align


# ---------------------------------------------------------------------------------------- warping a region
def with_context(boxes: Tensor, size: int, context: int) -> Tensor:
    """Enlarge boxes so that, warped to ``size`` pixels, ``context`` pixels on every side lie around the box.

    Appendix A.

    Args:
        boxes: ``[P, 4]`` in pixels of the image.
        size: side of the warped square, in its pixels.
        context: in pixels of the square, less than half of it.

    Returns:
        ``[P, 4]`` floating point in pixels of the image, not clipped to it.
    """
    grow = (boxes[:, 2:] - boxes[:, :2]) * context / (size - 2 * context)
    return torch.cat((boxes[:, :2] - grow, boxes[:, 2:] + grow), 1)


def warp(image: Tensor, boxes: Tensor, size: int = 227, context: int = 16) -> Tensor:
    """Regions of an image, each stretched to a square whatever its shape.

    Appendix A, "tightest square with context" (D). Bilinear, one sample a pixel: RoI align on the image itself. What
    lies outside the image is 0, the mean of a normalised image. The published code rounds the enlarged box to pixels
    first; this does not.

    Args:
        image: normalised float ``[3, H, W]``.
        boxes: ``[P, 4]`` in pixels, not empty.
        size: side of the squares in pixels, 227 for AlexNet.
        context: pixels of the square around the box on every side.

    Returns:
        ``[P, 3, size, size]``.
    """
    return roi_align(image[None], [with_context(boxes, size, context)], (size, size), 1.0, samples=1)


# ------------------------------------------------------------------------------------------------ the SVMs
def svm_labels(proposals: Tensor, target: dict[str, Tensor], label: int, negative: float = 0.3) -> Tensor:
    """Which regions of an image are examples for the SVM of one class.

    Section 2.3, "Object category classifiers": negative are regions that overlap every object of the class by less than
    ``negative`` (a grid search; 0.5 cost five points); all others are left out. Positive are the objects' own boxes
    alone, which need no proposal (appendix B says why this differs from fine-tuning).

    Args:
        proposals: ``[P, 4]`` in pixels.
        target: ``{"boxes": [M, 4], "labels": int64 [M]}``.
        label: the class.
        negative: IoU below which a region is an example.

    Returns:
        bool ``[P]``: the negatives; all of them where the image has no object of the class.
    """
    objects = target["boxes"][target["labels"] == label].to(proposals.dtype)
    return (box_iou(objects, proposals) < negative).all(0)


def train_svm(
    positives: Tensor,
    negatives: Tensor,
    c: float = 1e-3,
    positive_weight: float = 2.0,
    bias_scale: float = 10.0,
) -> tuple[Tensor, Tensor]:
    """Weights and bias of a linear SVM: least w^2 / 2 + c * sum of hinge losses, those of positives weighted.

    The constants are the published code's; scikit-learn's `LinearSVC` finds the minimum, on the CPU.

    Args:
        positives, negatives: features ``[P, D]`` and ``[N, D]``, at least one of each.
        c: see above.
        positive_weight: of positives' losses.
        bias_scale: the bias is the weight of a constant feature of this size, so it is hardly regularised.

    Returns:
        ``[D]`` and a scalar, of the features' dtype and device.
    """
    from sklearn.svm import LinearSVC

    features = torch.cat((positives, negatives))
    labels = [1] * len(positives) + [-1] * len(negatives)
    svm = LinearSVC(
        loss="hinge",
        C=c,
        class_weight={1: positive_weight},
        intercept_scaling=bias_scale,
        max_iter=20_000,
        random_state=0,
    )
    svm.fit(features.double().cpu().numpy(), labels)
    return features.new_tensor(svm.coef_[0]), features.new_tensor(svm.intercept_[0])


def mine_hard_negatives(
    positives: Tensor,
    negatives: Sequence[Tensor],
    passes: int = 1,
    retrain: int = 2000,
    hard: float = -1.0001,
    easy: float = -1.2,
    **svm,
) -> tuple[Tensor, Tensor]:
    """Train an SVM on more negatives than can be held: only those it gets wrong are held.

    Section 2.3 and the published code. It starts with the first image's negatives; of every image those within the
    margin (score above ``hard``) join; after ``retrain`` new ones, and after the last image, the SVM is trained again,
    and negatives scored below ``easy`` are let go. The paper finds one pass enough; with more, the SVM comes to be that
    of all negatives.

    Args:
        positives: features ``[P, D]``.
        negatives: features ``[N_i, D]`` for each image; N_i may be 0.
        passes: how often all images are gone through.
        retrain, hard, easy: see above.
        svm: more arguments of `train_svm`.

    Returns:
        Weights ``[D]`` and bias, as `train_svm`.

    Raises:
        ValueError: there is no positive, or no negative in any image.
    """
    first = next((i for i, n in enumerate(negatives) if len(n)), None)
    if first is None or not len(positives):
        raise ValueError(f"an SVM needs examples of both kinds, got {len(positives)} positives")
    held = [torch.zeros(len(n), dtype=torch.bool, device=n.device) for n in negatives]
    held[first][:] = True
    weight, bias = train_svm(positives, negatives[first], **svm)
    for _ in range(passes):
        new = 0
        for i, of_image in enumerate(negatives):
            found = (of_image @ weight + bias > hard) & ~held[i]
            held[i] |= found
            new += int(found.sum())
            if new >= retrain or (new and i == len(negatives) - 1):
                examples = torch.cat([n[h] for n, h in zip(negatives, held, strict=True)])
                weight, bias = train_svm(positives, examples, **svm)
                for n, h in zip(negatives, held, strict=True):
                    h &= n @ weight + bias >= easy
                new = 0
    return weight, bias


# ------------------------------------------------------------------------------------------ box regression
def fit_box_regressor(
    features: Tensor, proposals: Tensor, objects: Tensor, ridge: float = 1000.0
) -> tuple[Tensor, Tensor]:
    """Ridge regression from features to box corrections (appendix C).

    The corrections are centred before the fit and a constant feature is appended, as in the published code. That also
    whitens the corrections and undoes it afterwards; with one ridge for all of them this changes nothing. It is solved
    in float64.

    Args:
        features: of the proposals' last pooled map, ``[P, D]``.
        proposals: ``[P, 4]`` in pixels, those near an object (IoU above 0.6).
        objects: ``[P, 4]`` in pixels, each proposal's.
        ridge: the weight of the squared coefficients.

    Returns:
        Coefficients ``[D + 1, 4]`` and offsets ``[4]`` of the features' dtype: the correction is
        ``[features, 1] @ coefficients + offsets``, to be decoded by `decode_boxes` without weights.
    """
    code = encode_boxes(objects, proposals).double()
    mean = code.mean(0)
    x = _with_one(features.double())
    gram = x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    coefficients = torch.linalg.solve(gram, x.T @ (code - mean))
    return coefficients.to(features.dtype), mean.to(features.dtype)


def regression_pairs(
    proposals: Tensor, target: dict[str, Tensor], label: int, threshold: float = 0.6
) -> tuple[Tensor, Tensor]:
    """Proposals that learn to move, and the object each should move to (appendix C).

    Args:
        proposals: ``[P, 4]`` in pixels.
        target: ``{"boxes": [M, 4], "labels": int64 [M]}``.
        label: the class.
        threshold: IoU with an object of the class above which a proposal learns.

    Returns:
        Indices of these proposals, int64 ``[Q]``, and the object that each overlaps most, ``[Q, 4]``.
    """
    objects = target["boxes"][target["labels"] == label].to(proposals.dtype)
    if not len(objects):
        return torch.zeros(0, dtype=torch.int64, device=proposals.device), objects
    best, which = box_iou(objects, proposals).max(0)
    near = (best > threshold).nonzero()[:, 0]
    return near, objects[which[near]]


def _with_one(features: Tensor) -> Tensor:
    return torch.cat((features, torch.ones_like(features[:, :1])), 1)


# -------------------------------------------------------------------------------------------------- the model
class RCNN(nn.Module):
    """R-CNN around a classifier.

    ``model.train()(images, proposals, targets)`` gives the loss of stage 1; `fit_svms` and `fit_box_regressors` are
    stages 2 and 3; ``model.eval()(images, proposals)`` then gives detections, in pixels of the images.

    Args:
        classifier: a network with ``features``, ``avgpool``, ``classifier`` and ``input_size``; its layers are used,
            not copied, and its last layer is replaced.
        num_classes: with the background.
        context: see `warp`.
        samples, positive_fraction: regions of an image in stage 1 (128 a batch, 32 of them with an object; the paper
            draws them from all images, here each image gives as many).
        chunk: crops that go through the trunk at once.
        nms_threshold, score_threshold: of detections; scores are the SVMs', 0 is their boundary.
        mean, std: of the images' channels.
    """

    FEATURE_NORM = 20.0  # features are scaled to this mean norm, for which the SVM's constants were chosen

    def __init__(
        self,
        classifier: nn.Module,
        num_classes: int = 21,
        context: int = 16,
        samples: int = 128,
        positive_fraction: float = 0.25,
        chunk: int = 128,
        nms_threshold: float = 0.3,
        score_threshold: float = 0.0,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ):
        super().__init__()
        self.trunk = nn.Sequential(classifier.features, classifier.avgpool)
        self.layers = classifier.classifier[:-1]
        hidden = classifier.classifier[-1].in_features
        self.score = nn.Linear(hidden, num_classes)
        self.size, self.num_classes, self.context = classifier.input_size, num_classes, context
        self.samples, self.positive_fraction, self.chunk = samples, positive_fraction, chunk
        self.nms_threshold, self.score_threshold = nms_threshold, score_threshold
        self.mean, self.std = mean, std
        self.register_buffer("svm_weight", torch.zeros(num_classes, hidden))
        self.register_buffer("svm_bias", torch.full((num_classes,), -torch.inf))  # untrained: detects nothing
        self.register_buffer("feature_scale", torch.ones(()))
        pooled = next(layer.in_features for layer in classifier.classifier if isinstance(layer, nn.Linear))
        self.register_buffer("regress_weight", torch.zeros(num_classes, pooled + 1, 4))
        self.register_buffer("regress_offset", torch.zeros(num_classes, 4))

    # ---- features
    def pooled(self, image: Tensor, proposals: Tensor) -> Tensor:
        """The last pooled map of every region, flattened: one pass of the trunk for each region.

        Args:
            image: float ``[3, H, W]``, not normalised.
            proposals: ``[P, 4]`` in its pixels.

        Returns:
            ``[P, D]``.
        """
        mean, std = (image.new_tensor(v).view(3, 1, 1) for v in (self.mean, self.std))
        parts = [
            self.trunk(warp((image - mean) / std, part, self.size, self.context)).flatten(1)
            for part in proposals.to(image.dtype).split(self.chunk)
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def _features(self, image: Tensor, proposals: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled map and last hidden layer of every region."""
        if not len(proposals):
            pooled, hidden = self.regress_weight.shape[1] - 1, self.svm_weight.shape[1]
            return image.new_zeros(0, pooled), image.new_zeros(0, hidden)
        pooled = self.pooled(image, proposals)
        return pooled, self.layers(pooled)

    # ---- stage 1
    def forward(self, images: Sequence[Tensor], proposals: Sequence[Tensor], targets: Targets | None = None):
        """The fine-tuning loss when training, detections when not.

        Args:
            images: float ``[3, H_i, W_i]``.
            proposals: ``[P_i, 4]`` for each image in its pixels, from whatever method.
            targets: only when training: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image.

        Returns:
            ``{"loss_classifier": scalar}``, or for each image
            ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}``, best first.

        Raises:
            ValueError: what `check_images` and, when training, `check_targets` refuse; not as many proposals as images;
                or, when training, no image with a region to learn from.
        """
        check_images(images)
        if len(proposals) != len(images):
            raise ValueError(f"{len(images)} images but proposals for {len(proposals)}")
        if not self.training:
            return [
                self._detect(image, p.to(image.dtype)) for image, p in zip(images, proposals, strict=True)
            ]
        check_targets(images, targets, self.num_classes)
        logits, labels = [], []
        for image, regions, target in zip(images, proposals, targets, strict=True):
            regions = torch.cat((regions.to(image.dtype), target["boxes"].to(image.dtype)))
            label, _ = roi_targets(regions, target, background=(0.0, 0.5))
            chosen = torch.cat(sample_balanced(label, self.samples, self.positive_fraction))
            if len(chosen):
                logits.append(self.score(self.layers(self.pooled(image, regions[chosen]))))
                labels.append(label[chosen])
        if not labels:
            raise ValueError("no image has a region to learn from: neither proposals nor objects")
        return {"loss_classifier": F.cross_entropy(torch.cat(logits), torch.cat(labels))}

    # ---- stage 2
    def fit_svms(
        self, images: Sequence[Tensor], proposals: Sequence[Tensor], targets: Targets, **mining
    ) -> None:
        """Train the SVM of every class that has an object, on the network as it is. Call in eval mode.

        Args:
            images: float ``[3, H_i, W_i]``.
            proposals: ``[P_i, 4]`` for each image in its pixels.
            targets: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image.
            mining: more arguments of `mine_hard_negatives`.

        Raises:
            RuntimeError: the network is in training mode.
            ValueError: what `check_images`, `check_targets` and `mine_hard_negatives` refuse.
        """
        self._check_fit(images, targets)
        hidden = [self._features(i, p)[1] for i, p in zip(images, proposals, strict=True)]
        of_objects = [self._features(i, t["boxes"])[1] for i, t in zip(images, targets, strict=True)]
        self.feature_scale.copy_(self.FEATURE_NORM / torch.cat(hidden).norm(dim=1).mean())
        for label in range(1, self.num_classes):
            positives = torch.cat([f[t["labels"] == label] for f, t in zip(of_objects, targets, strict=True)])
            if not len(positives):
                continue
            negatives = [
                f[svm_labels(p, t, label)] * self.feature_scale
                for f, p, t in zip(hidden, proposals, targets, strict=True)
            ]
            weight, bias = mine_hard_negatives(positives * self.feature_scale, negatives, **mining)
            self.svm_weight[label], self.svm_bias[label] = weight, bias

    # ---- stage 3
    def fit_box_regressors(
        self, images: Sequence[Tensor], proposals: Sequence[Tensor], targets: Targets, ridge: float = 1000.0
    ) -> None:
        """Fit the regression of every class that has proposals near an object. Call in eval mode.

        Args:
            images: float ``[3, H_i, W_i]``.
            proposals: ``[P_i, 4]`` for each image in its pixels.
            targets: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image.
            ridge: see `fit_box_regressor`.

        Raises:
            RuntimeError: the network is in training mode.
            ValueError: what `check_images` and `check_targets` refuse.
        """
        self._check_fit(images, targets)
        pooled = [self._features(i, p)[0] for i, p in zip(images, proposals, strict=True)]
        for label in range(1, self.num_classes):
            pairs = [regression_pairs(p, t, label) for p, t in zip(proposals, targets, strict=True)]
            features = torch.cat([f[near] for f, (near, _) in zip(pooled, pairs, strict=True)])
            if len(features):
                near = torch.cat([p[near] for p, (near, _) in zip(proposals, pairs, strict=True)])
                objects = torch.cat([o for _, o in pairs])
                near, objects = near.to(features.dtype), objects.to(features.dtype)
                weight, offset = fit_box_regressor(features, near, objects, ridge)
                self.regress_weight[label], self.regress_offset[label] = weight, offset

    def _check_fit(self, images: Sequence[Tensor], targets: Targets) -> None:
        if self.training:
            raise RuntimeError(
                "features of a network in training mode change from call to call: call eval() first"
            )
        check_images(images)
        check_targets(images, targets, self.num_classes)

    # ---- detection
    def _detect(self, image: Tensor, proposals: Tensor) -> dict[str, Tensor]:
        pooled, hidden = self._features(image, proposals)
        scores = hidden * self.feature_scale @ self.svm_weight.T + self.svm_bias
        scores[:, 0] = -torch.inf
        region, label = (scores > self.score_threshold).nonzero().T
        code = torch.einsum("pd,pdk->pk", _with_one(pooled)[region], self.regress_weight[label])
        boxes = decode_boxes(code + self.regress_offset[label], proposals[region])
        boxes, scores = clip_boxes(boxes, image.shape[1:]), scores[region, label]
        large = large_enough(boxes, 1e-2)
        boxes, scores, label = boxes[large], scores[large], label[large]
        kept = _nms_fast.nms(boxes, scores, self.nms_threshold, label)
        return {"boxes": boxes[kept], "labels": label[kept], "scores": scores[kept]}
