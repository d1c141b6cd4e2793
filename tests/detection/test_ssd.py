"""SSD: published sizes, torchvision's SSD300 weight for weight, the loss by hand (D15)."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close
from torchvision.models import detection
from torchvision.models.detection._utils import SSDMatcher

from cnncourse.detection.boxes import box_iou
from cnncourse.detection.ssd import (
    SSD,
    SSD96,
    SSD300,
    SSD512,
    L2Norm,
    SSDTrunk,
    hard_negatives,
    multibox_loss,
    ssd_detections,
    ssd_targets,
)

quick = settings(max_examples=15, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("classes", "layout", "parameters", "boxes"),
    [
        (21, SSD300, 26_285_486, 8732),
        (81, SSD300, 34_305_206, 8732),
        (91, SSD300, 35_641_826, 8732),
        (21, SSD512, None, 24_564),
    ],
)
def test_d15_paper_size_has_the_published_boxes_and_parameters(classes, layout, parameters, boxes):
    with torch.device("meta"):
        model = SSD(classes, layout)
        logits, codes, _ = model.predict(torch.zeros(1, 3, layout.image_size, layout.image_size))
    assert logits.shape == (1, boxes, classes) and codes.shape == (1, boxes, 4)
    assert parameters in (None, sum(p.numel() for p in model.parameters()))


def test_d15_ssd300_has_six_maps():
    with torch.device("meta"):
        maps = SSD(21).trunk(torch.zeros(1, 3, 300, 300))
    assert [tuple(x.shape[1:]) for x in maps] == [
        *((512, 38, 38), (1024, 19, 19), (512, 10, 10), (256, 5, 5), (256, 3, 3), (256, 1, 1))
    ]


@pytest.fixture(scope="module")
def pair():
    """Ours and torchvision's SSD300 with the same weights and settings."""
    torch.manual_seed(0)
    theirs = detection.ssd300_vgg16(weights=None, weights_backbone=None, num_classes=5)
    theirs.anchor_generator.clip = False
    theirs.anchor_generator.scales = [s / 300 for s in SSD300.sizes]
    theirs.anchor_generator._wh_pairs = theirs.anchor_generator._generate_wh_pairs(6)
    for layer in theirs.head.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.02)
    ours = SSD(5, mean=theirs.transform.image_mean, std=theirs.transform.image_std)
    weights = theirs.state_dict()
    assert [v.shape for v in ours.state_dict().values()] == [v.shape for v in weights.values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), weights.values(), strict=True)))
    return ours, theirs


def image(height, width, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def test_d15_detections_are_torchvisions(pair):
    ours, theirs = (m.eval() for m in pair)
    theirs.detections_per_img = 10_000
    with torch.no_grad():
        found, expected = ours([image(240, 320)])[0], theirs([image(240, 320)])[0]
    first, second = expected["boxes"][:, :2], expected["boxes"][:, 2:]
    visible = (second > first).all(1)  # they keep boxes outside the image
    expected = {k: v[visible][:200] for k, v in expected.items()}
    assert len(found["boxes"]) == 200
    assert torch.equal(found["labels"], expected["labels"])
    assert_close(found["scores"], expected["scores"], rtol=1e-4, atol=1e-5)
    assert_close(found["boxes"], expected["boxes"], rtol=1e-4, atol=1e-2)


def test_d15_losses_are_torchvisions(pair):
    ours, theirs = (m.train() for m in pair)
    targets = [
        {"boxes": torch.tensor([[20.0, 30, 140, 200], [200, 10, 260, 70]]), "labels": torch.tensor([1, 4])}
    ]
    with torch.no_grad():
        found, expected = ours([image(240, 320)], targets), theirs([image(240, 320)], targets)
    assert found.keys() == expected.keys()
    for name in found:
        assert_close(found[name], expected[name], rtol=1e-4, atol=1e-4)


@st.composite
def multibox(draw, boxes=60):
    """Predictions for two images and a few objects among random default boxes; one image may be empty."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9999)))

    def rand(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    first = rand(boxes, 2) * 60
    default = torch.cat((first, first + 10 + 20 * rand(boxes, 2)), 1)
    targets = []
    for _ in range(2):
        objects = draw(st.integers(0, 3))
        first = rand(objects, 2) * 60
        labels = torch.randint(1, 4, (objects,), generator=generator)
        targets.append({"boxes": torch.cat((first, first + 10 + 20 * rand(objects, 2)), 1), "labels": labels})
    return 4 * rand(2, boxes, 4) - 2, 2 * rand(2, boxes, 4) - 1, targets, default


@quick
@given(multibox())
def test_d15_the_loss_is_torchvisions_while_negatives_suffice(case):
    logits, codes, targets, default = case
    theirs = detection.ssd.SSD(
        nn.Identity(), detection.anchor_utils.DefaultBoxGenerator([[2]]), (90, 90), 4, head=nn.Identity()
    )
    ious = [box_iou(t["boxes"], default) for t in targets]
    best = [i.max(1).indices.tolist() for i in ious]
    if any(len(set(b)) < len(b) for b in best) or any((i.max(1).values == 0).any() for i in ious if len(i)):
        return
    matched = [SSDMatcher(0.5)(i) if len(i) else torch.full((len(default),), -1) for i in ious]
    if any((m >= 0).sum() > len(default) / 4 for m in matched):
        return
    heads = {"bbox_regression": codes, "cls_logits": logits}
    expected = theirs.compute_loss(targets, heads, [default] * 2, matched)
    found = multibox_loss(logits, codes, targets, default)
    for name in expected:
        assert_close(found[name], expected[name])


def test_d15_no_positive_is_counted_twice_where_negatives_run_out():
    default = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 11], [50, 50, 60, 60]])
    target = {"boxes": default[:1], "labels": torch.tensor([1])}
    logits = torch.randn(1, 3, 2, generator=torch.Generator().manual_seed(0))
    found = multibox_loss(logits, torch.zeros(1, 3, 4), [target], default)["classification"]
    each = F.cross_entropy(logits[0], torch.tensor([1, 1, 0]), reduction="none")
    assert_close(found, each.sum() / 2)
    theirs = detection.ssd.SSD(
        nn.Identity(), detection.anchor_utils.DefaultBoxGenerator([[2]]), (90, 90), 2, head=nn.Identity()
    )
    heads = {"bbox_regression": torch.zeros(1, 3, 4), "cls_logits": logits}
    expected = theirs.compute_loss([target], heads, [default], [torch.tensor([0, 0, -1])])
    assert_close(expected["classification"], (2 * each[:2].sum() + each[2]) / 2)  # torchvision's: twice


def test_d15_hard_negatives_are_chosen_per_image():
    loss = torch.tensor([[5.0, 1, 4, 3, 2, 9], [9, 9, 9, 9, 9, 9]])
    positive = torch.tensor([[True, False, False, False, False, False], [False] * 6])
    assert hard_negatives(loss, positive).tolist() == [[False, False, True, True, False, True], [False] * 6]
    few = hard_negatives(torch.tensor([[1.0, 2, 3]]), torch.tensor([[True, True, False]]))
    assert few.tolist() == [[False, False, True]]


def test_d15_every_object_has_a_box_even_below_the_threshold():
    default = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40], [60, 60, 70, 70]])
    target = {"boxes": torch.tensor([[0.0, 0, 10, 10], [38, 38, 60, 60]]), "labels": torch.tensor([3, 2])}
    labels, codes = ssd_targets(target, default)
    assert labels.tolist() == [3, 2, 0]
    assert_close(codes[0], torch.zeros(4))
    assert_close(codes[1], torch.tensor([10 * 19 / 20, 10 * 19 / 20, 5 * math.log(1.1), 5 * math.log(1.1)]))


def test_d15_losses_without_objects_are_finite_and_zero():
    logits, codes = torch.randn(2, 5, 3, requires_grad=True), torch.randn(2, 5, 4, requires_grad=True)
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=int)}
    losses = multibox_loss(logits, codes, [nothing, nothing], torch.rand(5, 4).cumsum(1))
    sum(losses.values()).backward()
    assert [v.item() for v in losses.values()] == [0, 0]
    assert logits.grad.isfinite().all() and codes.grad.isfinite().all()


def test_d15_l2_norm_starts_at_20_and_passes_gradients_at_zero():
    norm, x = L2Norm(4), torch.randn(2, 4, 3, 3)
    assert_close(norm(x).norm(dim=1), torch.full((2, 3, 3), 20.0))
    zero = torch.zeros(1, 4, 1, 1, requires_grad=True)
    norm(zero).sum().backward()
    assert zero.grad.isfinite().all()


def test_d15_candidates_and_limits_are_respected():
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(50, 2, generator=generator) * 80
    boxes = torch.cat((first, first + 5), 1)
    logits = torch.randn(1, 50, 3, generator=generator)
    few = ssd_detections(
        logits, torch.zeros(1, 50, 4), boxes, (90, 90), nms_threshold=1, candidates=4, limit=200
    )[0]
    assert few["labels"].bincount().tolist() == [0, 4, 4]
    scores = logits.softmax(-1)[0, :, 1:]
    expected = (
        torch.cat([scores[:, c].sort(descending=True).values[:4] for c in range(2)])
        .sort(descending=True)
        .values
    )
    assert torch.equal(few["scores"], expected)
    three = ssd_detections(logits, torch.zeros(1, 50, 4), boxes, (90, 90), limit=3)[0]
    assert len(three["boxes"]) == 3
    assert (
        len(ssd_detections(logits, torch.zeros(1, 50, 4), boxes, (90, 90), score_threshold=1)[0]["boxes"])
        == 0
    )


def test_d15_course_size_keeps_the_contract_and_learns():
    torch.manual_seed(0)
    model = SSD(4, SSD96, width=1 / 16)
    images = [image(96, 120), image(80, 80, 1)]
    targets = [
        {"boxes": torch.tensor([[20.0, 30, 70, 80]]), "labels": torch.tensor([3])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=int)},
    ]
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    with torch.no_grad():
        found = model.eval()(images)
    assert found[0]["labels"][0] == 3
    assert (found[0]["boxes"][0] - targets[0]["boxes"][0]).abs().max() < 4
    with pytest.raises(ValueError, match="box 0 of image 0"):
        model.train()(images, [targets[0] | {"boxes": torch.tensor([[5.0, 5, 5, 9]])}, targets[1]])


def test_trunks_without_five_poolings_are_refused():
    with pytest.raises(ValueError, match="five poolings"):
        SSDTrunk(nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2)), ())
