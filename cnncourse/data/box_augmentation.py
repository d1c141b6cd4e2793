"""Augmentation that moves boxes and masks along with the image: torchvision's transforms, drawn from a generator.

torchvision keeps SSD's crop by overlap, expansion and colour distortion; what is added here is that every draw
comes from a generator that is handed in, so that what happens to an image can be repeated, and that an object's
other marks (``difficult``, ...) stay with its box.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from cnncourse.data.voc import VOID

MEAN = (123, 117, 104)  # of ImageNet's pixels, rounded: what SSD fills the new surroundings with


def flip(p: float = 0.5) -> v2.Transform:
    """Mirrors left and right with probability ``p``."""
    return v2.RandomHorizontalFlip(p)


def ssd_augmentation(fill: Sequence[int] = MEAN) -> v2.Transform:
    """What SSD does to a training image (Liu et al. 2016, sections 2.2 and 3.6).

    Colour distortion; half of the time the image is set into a canvas up to four times as high and wide; a crop
    that overlaps some object by at least 0.1, 0.3, 0.5, 0.7 or 0.9, or any crop, or none; a flip. Objects whose
    centre is outside the crop are left out. To be followed by resizing to the network's input.
    """
    return v2.Compose(
        [
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(fill={tv_tensors.Image: list(fill), tv_tensors.Mask: VOID}),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(),
        ]
    )


def resized(side: int) -> v2.Transform:
    """To ``side`` x ``side`` pixels, the aspect ratio not kept (as SSD and YOLO do); masks by nearest neighbour."""
    return v2.Resize((side, side), antialias=True)


def apply(
    transform: v2.Transform, image: Tensor, target: Mapping[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Apply a torchvision transform to an image and all that is known of it.

    Args:
        transform: for example :func:`ssd_augmentation`.
        image: uint8 ``[3, H, W]``.
        target: ``boxes`` ``[N, 4]`` as ``(x1, y1, x2, y2)``; ``mask`` ``[H, W]`` if there is one; anything else
            has one row for each box.
        generator: everything random comes from here; it advances by one draw.

    Returns:
        (image, target) after it: uint8 ``[3, H', W']``, and what the target held, with a row for each of the objects
        that are left; objects outside the image are left out, boxes are clipped.
    """
    marked = dict(target)
    marked["boxes"] = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=image.shape[-2:])
    if "mask" in target:
        marked["mask"] = tv_tensors.Mask(target["mask"])
    rows = [name for name in target if name not in ("boxes", "mask")]
    # Which rows stay with which boxes: transforms drop rows only together with what `labels_getter` names.
    keep = v2.SanitizeBoundingBoxes(labels_getter=lambda sample: tuple(sample[1][name] for name in rows))
    seed = int(torch.randint(2**62, (), generator=generator))
    with torch.random.fork_rng(devices=[]):  # torchvision draws from torch's global generator
        torch.manual_seed(seed)
        image, moved = keep(transform((tv_tensors.Image(image), marked)))
    return image.as_subclass(Tensor), {name: value.as_subclass(Tensor) for name, value in moved.items()}
