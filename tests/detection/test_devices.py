"""Everything takes its device from its inputs: the answers on another device are those on the CPU."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cnncourse.classification.vgg import vgg
from cnncourse.detection import _nms_fast, _roi_fast, anchors, boxes, metrics, roi
from cnncourse.detection.fast_rcnn import fast_rcnn_vgg
from cnncourse.detection.faster_rcnn import faster_rcnn_vgg
from cnncourse.detection.localization import Localizer, localization_loss, localized
from cnncourse.detection.matching import match, match_bipartite, sample_balanced
from cnncourse.detection.nms import batched_nms, nms
from cnncourse.detection.rcnn import RCNN
from cnncourse.detection.sppnet import SPPClassifier, SPPNet
from cnncourse.detection.ssd import SSD, SSD96
from cnncourse.detection.yolo import YOLO, darknet


def moved(value, device):
    if isinstance(value, torch.Tensor | nn.Module):
        return value.to(device)
    if isinstance(value, list | tuple):
        return type(value)(moved(v, device) for v in value)
    if isinstance(value, dict):
        return {k: moved(v, device) for k, v in value.items()}
    return value


def check(function, *args, device, **options):
    """The same on both devices; results lie on the device of the arguments."""
    expected, found = function(*args, **options), function(*moved(args, device), **options)
    assert_same(found, expected, device)


def assert_same(found, expected, device):
    if isinstance(expected, torch.Tensor):
        assert found.device.type == device.type
        assert_close(found.detach().cpu(), expected.detach(), rtol=1e-3, atol=1e-4)
    elif isinstance(expected, dict):
        assert_same(list(found.values()), list(expected.values()), device)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b, device)
    else:
        assert found == expected


def some_boxes(count, seed=0, size=40):
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(count, 2, generator=generator) * size
    return torch.cat((first, first + 5 + 20 * torch.rand(count, 2, generator=generator)), 1)


SCORES, LABELS = torch.linspace(0.9, 0.1, 12), torch.tensor([1, 2, 3] * 4)
FEATURES = torch.rand(2, 3, 6, 7, generator=torch.Generator().manual_seed(0))


def test_boxes_suppression_and_matching(device):
    a, b = some_boxes(12), some_boxes(5, 1)
    check(boxes.box_iou, a, b, device=device)
    check(boxes.from_voc, a, device=device)
    check(boxes.to_voc, a, device=device)
    check(boxes.clip_boxes, a, (30, 20), device=device)
    check(boxes.encode_boxes, a, a + 1, (10, 10, 5, 5), device=device)
    check(boxes.decode_boxes, a / 40, a, (10, 10, 5, 5), device=device)
    check(nms, a, SCORES, 0.3, device=device)
    check(batched_nms, a, SCORES, LABELS, 0.3, device=device)
    check(_nms_fast.nms, a, SCORES, 0.3, LABELS, device=device)
    check(match, boxes.box_iou(b, a), 0.5, 0.2, True, device=device)
    check(match_bipartite, boxes.box_iou(b, a), 0.5, device=device)
    check(match, torch.zeros(0, 4), 0.5, 0.2, device=device)
    drawn = sample_balanced(LABELS.to(device) - 2, 4, 0.5)
    assert all(d.device.type == device.type for d in drawn)


def test_anchors_and_pooling(device):
    check(anchors.grid_anchors, anchors.base_anchors(), (3, 4), 16, device=device)
    default = anchors.default_boxes([(2, 3)], [8], [10, 20], [(2,)], device=device)
    assert_same(default, anchors.default_boxes([(2, 3)], [8], [10, 20], [(2,)]), device)
    regions = [some_boxes(4), some_boxes(3, 1)]
    for pool in (roi.roi_pool, _roi_fast.roi_pool, roi.roi_align):
        check(pool, FEATURES, regions, (3, 2), 1 / 8, device=device)
        check(pool, FEATURES, [regions[0][:0]] * 2, (3, 2), 1 / 8, device=device)
    check(roi.spatial_pyramid_pool, FEATURES, (3, 1), device=device)
    check(roi.project_to_cells, regions[0], 8, device=device)


def test_metrics(device):
    found = {"boxes": some_boxes(12), "labels": LABELS, "scores": SCORES}
    truth = {"boxes": some_boxes(12) + 1, "labels": LABELS, "difficult": LABELS == 2}
    expected = metrics.evaluate_voc([found], [truth], 4)
    got = metrics.evaluate_voc([moved(found, device)], [moved(truth, device)], 4)
    assert_close(got["ap"], expected["ap"], equal_nan=True)
    del truth["difficult"]
    got = metrics.evaluate_coco([moved(found, device)], [moved(truth, device)], 4)
    assert_close(got["map"], metrics.evaluate_coco([found], [truth], 4)["map"])


def narrow():
    torch.manual_seed(0)
    return vgg(11, width=1 / 16, hidden=(16,), input_size=64, dropout=0.0)


def yolo():
    return YOLO(
        4, darknet(((4, 3, 2), "pool", (6, 3, 1), "pool")), grid=3, hidden=10, input_size=24, dropout=0.0
    )


def faster():
    everything = {"samples": 10**6}
    return faster_rcnn_vgg(
        *(4, narrow(), 0, 64, 96),
        rpn={"sizes": (16, 32, 48), "min_size": 2, "after": (50, 20)} | everything,
        head=everything | {"score_threshold": 0.0},
    )


@pytest.mark.parametrize("build", [yolo, lambda: SSD(4, SSD96, width=1 / 16), faster])
def test_detectors(build, device):
    torch.manual_seed(0)
    model = build()
    images = [torch.rand(3, 64, 72), torch.rand(3, 50, 64)]
    targets = [
        {"boxes": some_boxes(3), "labels": torch.tensor([1, 2, 3])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=int)},
    ]
    there = copy.deepcopy(model).to(device)
    expected, losses = model(images, targets), there(moved(images, device), moved(targets, device))
    assert_same(losses, expected, device)
    sum(losses.values()).backward()
    assert all(p.grad is not None and p.grad.device.type == device.type for p in there.parameters())
    model.eval(), there.eval()
    with torch.no_grad():
        assert_same(there(moved(images, device)), model(images), device)


def test_fast_rcnn(device):
    model = fast_rcnn_vgg(4, narrow(), 0, 64, 96, samples=10**6, background=(0.0, 0.5))
    images, regions = [torch.rand(3, 64, 72)], [some_boxes(20)]
    targets = [{"boxes": some_boxes(2), "labels": torch.tensor([1, 3])}]
    there = copy.deepcopy(model).to(device)
    inputs = moved((images, regions, targets), device)
    assert_same(there(*inputs), model(images, regions, targets), device)
    assert_same(there.eval()(*inputs[:2]), model.eval()(images, regions), device)


@pytest.mark.parametrize("kind", ["rcnn", "sppnet"])
def test_three_stages(kind, device):
    if kind == "rcnn":
        model = RCNN(narrow(), 3, context=8, samples=10**6)
    else:
        torch.manual_seed(0)
        trunk = nn.Sequential(nn.Conv2d(3, 6, 5, 2, 2), nn.ReLU(), nn.MaxPool2d(2))
        model = SPPNet(SPPClassifier(trunk, 6, (16,), 10, (2, 1), 0.0), 3, 4, (48, 64), samples=10**6)
    images, regions = [torch.rand(3, 48, 56)], [torch.cat((some_boxes(15), some_boxes(2, 1) + 1))]
    targets = [{"boxes": some_boxes(2, 1), "labels": torch.tensor([1, 2])}]
    there, inputs = copy.deepcopy(model).to(device), moved((images, regions, targets), device)
    assert_same(there(*inputs), model(images, regions, targets), device)
    for m, args in ((model, (images, regions, targets)), (there, inputs)):
        m.eval().fit_svms(*args)
        m.fit_box_regressors(*args)
    assert_same(there(*inputs[:2]), model(images, regions), device)


def test_localization(device):
    model = Localizer(nn.Flatten(), 12, 3)
    check(
        localization_loss, *model(torch.rand(2, 3, 2, 2)), torch.tensor([0, 2]), some_boxes(2), device=device
    )
    check(localized, torch.tensor([1, 2]), some_boxes(2), torch.tensor([1, 1]), some_boxes(2), device=device)
