"""What all detectors promise: torchvision's contract, and finite answers for every legitimate input."""

import math

import pytest
import torch

from cnncourse.classification.vgg import vgg
from cnncourse.detection.faster_rcnn import faster_rcnn_vgg
from cnncourse.detection.ssd import SSD, SSD96
from cnncourse.detection.yolo import YOLO, darknet


def yolo():
    return YOLO(4, darknet(((4, 3, 2), "pool", (6, 3, 1), "pool")), grid=3, hidden=10, input_size=24)


def ssd():
    return SSD(4, SSD96, width=1 / 16)


def faster():
    classifier = vgg(11, width=1 / 16, hidden=(16,), input_size=64)
    return faster_rcnn_vgg(4, classifier, 0, 64, 96, rpn={"sizes": (16, 32, 48), "min_size": 2})


DETECTORS = pytest.mark.parametrize("build", [yolo, ssd, faster])


def make(build):
    torch.manual_seed(0)
    return build()


def image(height=64, width=72, dtype=torch.float32):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(height), dtype=dtype)


def target(boxes, labels, dtype=torch.float32):
    boxes = torch.tensor(boxes, dtype=dtype).reshape(-1, 4)
    return {"boxes": boxes, "labels": torch.tensor(labels, dtype=torch.int64)}


NONE, ONE = target([], []), target([[10, 12, 40, 50]], [3])


@DETECTORS
@pytest.mark.parametrize(
    "targets",
    [
        [NONE, NONE],
        [NONE, ONE],
        [target([[5, 5, 6, 6]], [1]), ONE],  # one pixel
        [target([[5, 5, 5.001, 60]], [1]), ONE],  # a sliver
        [target([[-30, -20, 20, 30]], [2]), target([[40, 30, 500, 400]], [1])],  # partly outside
        [target([[200, 200, 300, 300]], [2]), ONE],  # wholly outside
        [target([[10, 12, 40, 50]] * 3, [1, 2, 2]), ONE],  # the same box three times
        [target([[0, 0, 72, 64]], [1]), target([[0, 0, 30, 90]], [1])],  # the whole image
    ],
)
def test_legitimate_targets_give_finite_losses_and_gradients(build, targets):
    model = make(build)
    losses = model([image(), image(90, 30)], targets)
    assert all(isinstance(k, str) and v.ndim == 0 for k, v in losses.items())
    sum(losses.values()).backward()
    for parameter in model.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()


@DETECTORS
def test_inference_returns_boxes_inside_each_image_best_first(build):
    model = make(build).eval()
    with torch.no_grad():
        images = [image(), image(90, 30), image(31, 100)]
        found = model(images)
    assert len(found) == 3
    for detection, picture in zip(found, images, strict=True):
        boxes, labels, scores = (detection[k] for k in ("boxes", "labels", "scores"))
        assert boxes.shape == (len(labels), 4) and len(scores) == len(labels)
        assert labels.dtype == torch.int64 and ((labels >= 1) & (labels < 4)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all() and (boxes >= -1e-3).all()
        assert (boxes <= torch.tensor([picture.shape[2], picture.shape[1]] * 2) + 1e-3).all()
        assert (scores.diff() <= 0).all()


@DETECTORS
def test_float64_and_strided_images_give_the_answers_of_plain_ones(build):
    model = make(build).eval().double()
    plain = image(dtype=torch.float64)
    strided = plain.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    with torch.no_grad():
        expected, found = model([plain])[0], model([strided])[0]
    for key in expected:
        assert torch.allclose(found[key].double(), expected[key].double())
    assert found["boxes"].dtype == torch.float64
    losses = model.train()([strided], [target([[10, 12, 40, 50]], [3], torch.float64)])
    assert all(v.isfinite() for v in losses.values())


@DETECTORS
def test_the_batch_does_not_change_an_images_detections(build):
    model = make(build).eval().double()
    images = [image(dtype=torch.float64), image(72, 64, torch.float64).flip(1)]
    with torch.no_grad():
        together, alone = model(images)[0], model(images[:1])[0]
    if build is faster:  # images of other shapes pad the batch, and what lies beyond an image bleeds in
        together = model([images[0], images[0]])[0]
    for key in alone:
        assert torch.allclose(together[key].double(), alone[key].double())


@DETECTORS
def test_inputs_are_left_alone(build):
    model = make(build)
    images, targets = [image()], [target([[10, 12, 40, 50]], [3])]
    copies = images[0].clone(), targets[0]["boxes"].clone()
    model(images, targets)
    with torch.no_grad():
        model.eval()(images)
    assert torch.equal(images[0], copies[0]) and torch.equal(targets[0]["boxes"], copies[1])


@DETECTORS
@pytest.mark.parametrize(
    ("images", "targets", "text"),
    [
        ([image(), image() * math.nan], [ONE, ONE], "image 1 holds NaN"),
        ([image(), image()[:1]], [ONE, ONE], "image 1 must be a float tensor"),
        ([image(), image()], [ONE, target([[5, 5, 4, 9]], [1])], "box 0 of image 1 must have x2 > x1"),
        ([image(), image()], [ONE, target([[5, 5, 9, 9]], [4])], "image 1 has label 4"),
        ([image(), image()], [ONE, target([[5, math.nan, 9, 9]], [1])], "box 0 of image 1 holds NaN"),
        ([image()], None, "needs targets"),
        ([], [], "no images"),
    ],
)
def test_wrong_inputs_are_refused_by_name(build, images, targets, text):
    with pytest.raises(ValueError, match=text):
        make(build)(images, targets)
