"""What detectors take in: checked, normalised, resized images and targets with the boxes moved along.

Images are a list of float ``[3, H, W]`` of any sizes, targets a list of ``{"boxes": [N, 4], "labels": int64 [N]}``
with labels from 1 (0 is the background). Errors say which image they are about.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Mean and deviation of ImageNet's pixels in [0, 1], red, green, blue: what torchvision's weights expect.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Targets = Sequence[dict[str, Tensor]]


def check_images(images: Sequence[Tensor], smallest: int = 1) -> None:
    """Refuse images that a detector cannot take.

    Args:
        images: at least one, each float ``[3, H, W]`` and finite.
        smallest: pixels that a side has at least.

    Raises:
        ValueError: there are none, or one is otherwise; the message says which.
    """
    if not len(images):
        raise ValueError("there are no images")
    for i, image in enumerate(images):
        if image.ndim != 3 or image.shape[0] != 3 or not image.is_floating_point():
            raise ValueError(
                f"image {i} must be a float tensor [3, H, W], got {image.dtype} {list(image.shape)}"
            )
        if min(image.shape[1:]) < smallest:
            size = " x ".join(map(str, image.shape[1:]))
            raise ValueError(
                f"image {i} is too small for the network: {size} pixels, at least {smallest} a side"
            )
        if not image.isfinite().all():
            raise ValueError(f"image {i} holds NaN or infinity")


def check_targets(images: Sequence[Tensor], targets: Targets | None, num_classes: int) -> None:
    """Refuse targets that a detector cannot learn from.

    Args:
        images: one tensor for each target; only their number counts.
        targets: ``{"boxes": [N, 4], "labels": int64 [N]}`` for each image: finite floating-point boxes of positive
            width and height, labels in ``1..num_classes - 1``; N may be 0.
        num_classes: with the background.

    Raises:
        ValueError: there are no targets, more or fewer than images, or one is otherwise; the message says which.
    """
    if targets is None:
        raise ValueError("training needs targets: one dict of boxes and labels for each image")
    if len(images) != len(targets):
        raise ValueError(f"{len(images)} images but {len(targets)} targets")
    for i, target in enumerate(targets):
        missing = {"boxes", "labels"} - target.keys()
        if missing:
            raise ValueError(f"the target of image {i} has no {' and no '.join(sorted(missing))}")
        _check_boxes(i, target["boxes"])
        _check_labels(i, target["labels"], len(target["boxes"]), num_classes)


def _check_boxes(i: int, boxes: Tensor) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not boxes.is_floating_point():
        raise ValueError(
            f"the boxes of image {i} must be float [N, 4], got {boxes.dtype} {list(boxes.shape)}"
        )
    wrong = ~boxes.isfinite().all(1)
    if wrong.any():
        raise ValueError(f"box {int(wrong.nonzero()[0])} of image {i} holds NaN or infinity")
    wrong = (boxes[:, 2:] <= boxes[:, :2]).any(1)
    if wrong.any():
        k = int(wrong.nonzero()[0])
        raise ValueError(f"box {k} of image {i} must have x2 > x1 and y2 > y1, got {boxes[k].tolist()}")


def _check_labels(i: int, labels: Tensor, count: int, num_classes: int) -> None:
    if labels.shape != (count,) or labels.dtype != torch.int64:
        raise ValueError(f"image {i} needs {count} int64 labels, got {labels.dtype} {list(labels.shape)}")
    wrong = labels[(labels < 1) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(f"image {i} has label {int(wrong[0])}, outside 1..{num_classes - 1}")


# ---------------------------------------------------------------------------------------------------- sizes
def limited_size(size: tuple[int, int], shorter: int, longer: int) -> tuple[int, int]:
    """The size at which the shorter side is ``shorter``, or less where the longer would exceed ``longer``.

    Girshick, "Fast R-CNN" (2015, section 5.2): 600 and 1000 pixels.

    Args:
        size: ``(height, width)`` of the image in pixels.
        shorter, longer: in pixels.

    Returns:
        ``(height, width)``, rounded, at least 1.
    """
    scale = min(shorter / min(size), longer / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def scale_boxes(boxes: Tensor, old: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Boxes of an image after it was resized.

    Args:
        boxes: floating point ``[..., 4]`` in pixels of the image before.
        old, new: ``(height, width)`` of the image before and after.

    Returns:
        ``[..., 4]`` in pixels of the image after.
    """
    down, across = new[0] / old[0], new[1] / old[1]
    return boxes * boxes.new_tensor([across, down, across, down])


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear interpolation of an image, without smoothing where it becomes smaller.

    Args:
        image: float ``[3, H, W]``.
        size: ``(height, width)``.

    Returns:
        ``[3, height, width]``; the very same tensor where it has this size.
    """
    if tuple(image.shape[1:]) == tuple(size):
        return image
    return F.interpolate(image[None], size=size, mode="bilinear", align_corners=False)[0]


def prepare(
    images: Sequence[Tensor],
    targets: Targets | None,
    sizes: Sequence[tuple[int, int]],
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    divisor: int = 1,
) -> tuple[Tensor, list[dict[str, Tensor]] | None]:
    """One batch of normalised images, each resized to its own size and padded at the right and bottom with zeros.

    Args:
        images: float ``[3, H_i, W_i]``, at least one.
        targets: one dict for each image with ``"boxes"``: float ``[N_i, 4]`` in its pixels, or None.
        sizes: ``(height, width)`` to which each image is resized.
        mean, std: of each channel.
        divisor: the batch's height and width are rounded up to multiples of it.

    Returns:
        ``[B, 3, H, W]`` with dtype and device of the first image; and new dicts with the boxes scaled, or None.
    """
    height, width = (-(-max(side) // divisor) * divisor for side in zip(*sizes, strict=True))
    batch = images[0].new_zeros(len(images), 3, height, width)
    mean, std = (images[0].new_tensor(v).view(3, 1, 1) for v in (mean, std))
    for place, image, size in zip(batch, images, sizes, strict=True):
        place[:, : size[0], : size[1]] = resize((image - mean) / std, size)
    if targets is not None:
        targets = [
            {**target, "boxes": scale_boxes(target["boxes"], image.shape[1:], size)}
            for target, image, size in zip(targets, images, sizes, strict=True)
        ]
    return batch, targets
