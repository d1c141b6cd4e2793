"""Fast R-CNN: its targets, loss and sampling by hand and against torchvision's functions (D9, D9b, D10)."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close
from torchvision.models.detection.roi_heads import fastrcnn_loss

from cnncourse.classification.vgg import vgg
from cnncourse.detection.fast_rcnn import (
    fast_rcnn_detections,
    fast_rcnn_loss,
    fast_rcnn_vgg,
    roi_targets,
)
from cnncourse.detection.roi import roi_align, roi_pool


def small(num_classes=4, depth=16, width=1 / 32, shorter=64, **options):
    torch.manual_seed(0)
    classifier = vgg(depth, width=width, hidden=(24, 24), input_size=64, dropout=0.0)
    return fast_rcnn_vgg(num_classes, classifier, frozen=0, shorter=shorter, longer=2 * shorter, **options)


def image(height=64, width=80, seed=0):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def target(boxes, labels):
    return {
        "boxes": torch.tensor(boxes).reshape(-1, 4).float(),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }


def test_d9_paper_size_has_the_published_parameters():
    with torch.device("meta"):
        model = fast_rcnn_vgg()
    assert sum(p.numel() for p in model.parameters()) == 134_690_729
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    assert frozen == 38_720 + 221_440  # conv1 and conv2
    assert len([m for m in model.trunk if isinstance(m, nn.Conv2d)]) == 13 and isinstance(
        model.trunk[-1], nn.ReLU
    )


def test_d9_targets_follow_the_overlap():
    objects = target([[0, 0, 10, 10], [0, 0, 10, 4]], [3, 1])
    rois = torch.tensor(
        [
            *([0.0, 0, 10, 10], [0, 0, 10, 5]),  # the objects: 1 and 0.8
            *([0, 5, 10, 10], [0, 5, 10, 9.9]),  # 0.5 inclusive, just below
            *([9, 0, 20, 10], [30, 30, 40, 40]),  # 1/20: below the background, nothing
            [0, 9, 10, 10],  # 0.1 inclusive
        ]
    )
    labels, codes = roi_targets(rois, objects)
    assert labels.tolist() == [3, 1, 3, 0, -1, -1, 0]
    assert roi_targets(rois, objects, background=(0, 0.5))[0].tolist() == [3, 1, 3, 0, 0, 0, 0]
    assert_close(codes[2], torch.tensor([0, 10 * (5 - 7.5) / 5, 0, 5 * math.log(2)]))
    assert (codes[labels <= 0] == 0).all()
    labels, codes = roi_targets(rois, target([], []))
    assert labels.tolist() == [0] * 7 and (codes == 0).all()


def test_d9_the_multi_task_loss_by_hand():
    logits = torch.tensor([[0.0, 0, 0], [1, 2, 3]], dtype=torch.float64)
    codes = torch.zeros(2, 3, 4, dtype=torch.float64)
    codes[1, 2] = torch.tensor([0.5, 2, 0, 0])
    codes[0] = 9  # background: no box loss
    losses = fast_rcnn_loss(logits, codes, torch.tensor([0, 2]), torch.zeros(2, 4, dtype=torch.float64))
    expected = (math.log(3) - 3 + math.log(math.exp(1) + math.exp(2) + math.exp(3))) / 2
    assert losses["loss_classifier"].item() == pytest.approx(expected)
    assert losses["loss_box_reg"].item() == pytest.approx((0.125 + 1.5) / 2)


def test_d9_the_loss_is_torchvisions_with_its_beta():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(30, 5, generator=generator)
    codes, wanted = torch.randn(30, 5, 4, generator=generator), torch.randn(30, 4, generator=generator)
    labels = torch.randint(0, 5, (30,), generator=generator)
    expected = fastrcnn_loss(logits, codes.flatten(1), [labels], [wanted])
    assert_close(tuple(fast_rcnn_loss(logits, codes, labels, wanted, beta=1 / 9).values()), expected)


def test_losses_without_regions_or_objects_are_finite():
    for count in (0, 3):
        losses = fast_rcnn_loss(
            torch.zeros(count, 3),
            torch.zeros(count, 3, 4),
            torch.zeros(count, dtype=int),
            torch.zeros(count, 4),
        )
        assert all(v.isfinite() for v in losses.values())


def test_d9_gradients_reach_the_trunk_through_overlapping_regions():
    model = small()
    regions = [torch.tensor([[0.0, 0, 60, 60], [10, 10, 70, 60], [5, 0, 64, 64]])]
    sum(model([image()], regions, [target([[0, 0, 60, 60]], [1])]).values()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.trunk.parameters())


def test_d9_frozen_stages_stay():
    model = fast_rcnn_vgg(
        3, vgg(16, width=1 / 32, hidden=(8, 8), input_size=64), frozen=2, shorter=64, longer=64
    )
    trained = [p.requires_grad for p in model.trunk.parameters()]
    assert trained == [False] * 8 + [True] * 18


@pytest.mark.parametrize("images", [1, 2, 4])
def test_d10_a_batch_of_128_regions_costs_one_trunk_pass_an_image(images):
    model = small()
    seen, rows = [], []
    model.trunk.register_forward_hook(lambda module, args, out: seen.append(len(args[0])))
    model.head.layers.register_forward_hook(lambda module, args, out: rows.append(len(args[0])))
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(400, 2, generator=generator) * 40
    regions = torch.cat((first, first + 8 + 20 * torch.rand(400, 2, generator=generator)), 1)
    truth = target([[0, 0, 30, 30], [20, 10, 60, 60]], [1, 2])
    model([image(seed=i) for i in range(images)], [regions] * images, [truth] * images)
    assert sum(seen) == images
    assert rows == [128]


def test_d10_a_quarter_of_the_regions_hold_objects():
    model = small(background=(0.0, 0.5))
    near = torch.tensor([[0.0, 0, 60, 60]]).repeat(100, 1) + torch.arange(100)[:, None] / 50
    far = torch.tensor([[60.0, 40, 79, 63]]).repeat(300, 1)
    labels = []
    model.head.predict = lambda features, rois: (
        labels.append(
            roi_targets(rois[0], {"boxes": torch.tensor([[0.0, 0, 60, 60]]), "labels": torch.tensor([1])})[0]
        ),
        (torch.zeros(len(rois[0]), 4), torch.zeros(len(rois[0]), 4, 4)),
    )[1]
    model([image()], [torch.cat((near, far))], [target([[0, 0, 60, 60]], [1])])
    assert len(labels[0]) == 128 and int((labels[0] == 1).sum()) == 32


def test_d9_detections_regress_every_class_by_itself():
    logits = torch.tensor([[0.0, 5, 4.8], [9, 0, 0]])
    codes = torch.zeros(2, 3, 4)
    codes[0, 2, 0] = 10 * 0.5  # half a width to the right, as class 2 only
    found = fast_rcnn_detections(logits, codes, torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]), (40, 40))
    assert found["labels"].tolist() == [1, 2]
    assert_close(found["boxes"], torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10]]))
    assert_close(found["scores"], F.softmax(logits[0], -1)[1:])


def test_d9b_training_through_roi_pooling_learns_where_and_what():
    # 128 pixels and no background above 0.4: regions of different labels must not quantise to the same cells
    model = small(depth=11, width=1 / 16, shorter=128, background=(0.0, 0.4))
    images = [image(64, 80) * 0.2, image(64, 64, 1) * 0.2]
    images[0][0, 12:52, 10:50] = 1
    truth = [target([[10, 12, 50, 52]], [2]), target([], [])]
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(60, 2, generator=generator) * 30
    regions = [torch.cat((first, first + 15 + 20 * torch.rand(60, 2, generator=generator)), 1)] * 2
    regions[0] = torch.cat((regions[0], truth[0]["boxes"] + torch.tensor([4.0, -3, 5, 2])))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(60):
        loss = sum(model(images, regions, truth).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = model.eval()(images, regions)
    assert found[0]["labels"][0] == 2 and found[0]["scores"][0] > 0.5
    assert (found[0]["boxes"][0] - truth[0]["boxes"][0]).abs().max() < 6
    assert not (found[1]["scores"] > 0.5).any()


def test_plain_pooling_and_align_can_take_the_place_of_the_fast_one():
    regions, outputs = [torch.tensor([[0.0, 0, 60, 60], [10, 10, 70, 60]])], []
    for options in ({}, {"pool": roi_pool}, {"pool": roi_align}):
        model = small(**options).eval()
        outputs.append(model.head.predict(model.trunk(image()[None]), regions)[0])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2], atol=1e-6, rtol=0)


def test_no_regions_give_no_detections_and_wrong_numbers_of_them_an_error():
    model = small().eval()
    found = model([image(), image()], [torch.zeros(0, 4)] * 2)
    assert [len(f["boxes"]) for f in found] == [0, 0]
    with pytest.raises(ValueError, match="2 images but proposals for 1"):
        model([image(), image()], [torch.zeros(0, 4)])
    with pytest.raises(ValueError, match="image 0 has label 9"):
        model.train()([image()], [torch.zeros(0, 4)], [target([[0, 0, 5, 5]], [9])])
