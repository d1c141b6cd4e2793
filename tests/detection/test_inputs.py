"""Wrong images and targets are refused by name; right ones are resized with their boxes."""

import math

import pytest
import torch
from torch.testing import assert_close
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from cnncourse.detection.inputs import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    check_images,
    check_targets,
    limited_size,
    prepare,
    scale_boxes,
)

IMAGES = [torch.zeros(3, 8, 8), torch.zeros(3, 9, 7)]


def target(boxes=((1, 2, 3, 4),), labels=(1,)):
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (torch.zeros(1, 9, 7), r"image 1 must be a float tensor \[3, H, W\]"),
        (torch.zeros(3, 9, 7, dtype=torch.uint8), "image 1 must be a float tensor"),
        (torch.zeros(3, 9, 4), "image 1 is too small for the network: 9 x 4"),
        (torch.full((3, 9, 7), math.nan), "image 1 holds NaN"),
    ],
)
def test_wrong_images_are_named(second, text):
    check_images(IMAGES, 7)
    with pytest.raises(ValueError, match=text):
        check_images([IMAGES[0], second], 5)
    with pytest.raises(ValueError, match="no images"):
        check_images([])


@pytest.mark.parametrize(
    ("second", "text"),
    [
        (target(((3, 2, 1, 4),)), "box 0 of image 1 must have x2 > x1"),
        (target(((1, 2, 3, 4), (1, 5, 2, 5)), (1, 2)), "box 1 of image 1 must have x2 > x1"),
        (target(((1, 2, math.nan, 4),)), "box 0 of image 1 holds NaN"),
        (target(((1, 2, math.inf, 4),)), "box 0 of image 1 holds NaN or infinity"),
        (target(labels=(3,)), r"image 1 has label 3, outside 1\.\.2"),
        (target(labels=(0,)), "image 1 has label 0"),
        (target(labels=(1, 2)), "image 1 needs 1 int64 labels"),
        ({"boxes": torch.zeros(0, 4)}, "target of image 1 has no labels"),
        ({"boxes": torch.zeros(2, 5), "labels": torch.zeros(2)}, "boxes of image 1 must be float"),
        ({"boxes": torch.zeros(1, 4, dtype=int), "labels": torch.zeros(1)}, "boxes of image 1 must be float"),
    ],
)
def test_wrong_targets_are_named(second, text):
    check_targets(IMAGES, [target(), target((), ())], 3)
    with pytest.raises(ValueError, match=text):
        check_targets(IMAGES, [target(), second], 3)


def test_missing_targets_are_named():
    with pytest.raises(ValueError, match="needs targets"):
        check_targets(IMAGES, None, 3)
    with pytest.raises(ValueError, match="2 images but 1 targets"):
        check_targets(IMAGES, [target()], 3)


@pytest.mark.parametrize(
    ("size", "expected"), [((375, 500), (600, 800)), ((300, 900), (333, 1000)), ((600, 1000),) * 2]
)
def test_the_shorter_side_becomes_600_unless_the_longer_exceeds_1000(size, expected):
    assert limited_size(size, 600, 1000) == expected
    assert limited_size(size[::-1], 600, 1000) == expected[::-1]


def test_batches_are_torchvisions():
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, *size, generator=generator) for size in ((30, 40), (50, 20))]
    targets = [target(((1.5, 2, 30, 25), (0, 0, 40, 30)), (1, 2)), target((), ())]
    transform = GeneralizedRCNNTransform(60, 120, IMAGENET_MEAN, IMAGENET_STD, size_divisible=32)
    expected, expected_targets = transform([i.clone() for i in images], targets)
    sizes = [limited_size(image.shape[1:], 60, 120) for image in images]
    batch, moved = prepare(images, targets, sizes, divisor=32)
    assert sizes == expected.image_sizes
    assert_close(batch, expected.tensors)
    for a, b in zip(moved, expected_targets, strict=True):
        assert_close(a["boxes"], b["boxes"])
        assert torch.equal(a["labels"], b["labels"])
    assert targets[0]["boxes"][0, 0] == 1.5  # the caller's are left alone
    back = scale_boxes(moved[0]["boxes"], sizes[0], (30, 40))
    assert_close(back, targets[0]["boxes"])
