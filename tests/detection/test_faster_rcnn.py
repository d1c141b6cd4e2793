"""Faster R-CNN against torchvision's, assembled from the same trunk, anchors, pooling and weights (D13)."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torchvision import ops
from torchvision.models.detection import FasterRCNN as TheirFasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.rpn import RPNHead as TheirRPNHead

from cnncourse.classification.vgg import vgg
from cnncourse.detection.faster_rcnn import FasterRCNN, faster_rcnn_vgg
from cnncourse.detection.inputs import IMAGENET_MEAN, IMAGENET_STD

SIZES = (24, 40, 64)
ALL = 10**6  # sampling that takes everything is deterministic


def narrow():
    torch.manual_seed(0)
    return vgg(16, width=1 / 16, hidden=(32, 32), input_size=224, dropout=0.0)


class TheirPool(ops.MultiScaleRoIAlign):  # the only type that torchvision's constructor lets in
    def __init__(self):
        super().__init__(["0"], 7, 2)

    def forward(self, features, proposals, image_shapes):
        return ops.roi_pool(features["0"], proposals, 7, 1 / 16)


class TheirPredictor(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, x):
        return self.head.score(x), self.head.regress(x)


def both():
    """Ours in torchvision's variant, and torchvision's around the same layers."""
    ours = faster_rcnn_vgg(
        5,
        narrow(),
        frozen=0,
        shorter=128,
        longer=224,
        rpn={
            "sizes": SIZES,
            "variant": "torchvision",
            "samples": ALL,
            "min_size": 1e-3,
            "before": (500, 300),
            "after": (80, 50),
        },
        head={"samples": ALL, "beta": 1 / 9, "nms_threshold": 0.4},
    )
    ours = FasterRCNN(ours.trunk, ours.rpn, ours.head, 128, 224, divisor=32).double()
    generator = torch.Generator().manual_seed(1)
    for layer in (ours.rpn.head.score, ours.rpn.head.regress, ours.head.score, ours.head.regress):
        nn.init.normal_(layer.weight, std=0.15, generator=generator)
    ours.trunk.out_channels = ours.rpn.head.conv.in_channels
    rpn_head = TheirRPNHead(ours.trunk.out_channels, 9)
    rpn_head.conv[0][0], rpn_head.cls_logits, rpn_head.bbox_pred = (
        *(ours.rpn.head.conv, ours.rpn.head.score),
        ours.rpn.head.regress,
    )
    theirs = TheirFasterRCNN(
        ours.trunk,
        min_size=128,
        max_size=224,
        image_mean=IMAGENET_MEAN,
        image_std=IMAGENET_STD,
        rpn_anchor_generator=AnchorGenerator((SIZES,), ((0.5, 1.0, 2.0),)),
        rpn_head=rpn_head,
        rpn_pre_nms_top_n_train=500,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_train=80,
        rpn_post_nms_top_n_test=50,
        rpn_batch_size_per_image=ALL,
        box_roi_pool=TheirPool(),
        box_head=nn.Sequential(nn.Flatten(), ours.head.layers),
        box_predictor=TheirPredictor(ours.head),
        box_batch_size_per_image=ALL,
        box_nms_thresh=0.4,
    )
    return ours, theirs


def images():
    generator = torch.Generator().manual_seed(2)
    return [
        torch.rand(3, *size, generator=generator, dtype=torch.float64)
        for size in ((128, 160), (64, 80), (96, 64))
    ]


TARGETS = [
    {"boxes": torch.tensor([[10.0, 20, 70, 90], [60, 5, 150, 60]]).double(), "labels": torch.tensor([1, 4])},
    {"boxes": torch.tensor([[4.0, 8, 30, 60]]).double(), "labels": torch.tensor([2])},
    {"boxes": torch.zeros(0, 4).double(), "labels": torch.zeros(0, dtype=int)},
]


def test_d13_detections_are_torchvisions():
    ours, theirs = (m.eval() for m in both())
    with torch.no_grad():
        found, expected = ours(images()), theirs(images())
    for a, b in zip(found, expected, strict=True):
        assert len(a["boxes"]) > 5
        assert a.keys() == b.keys()
        assert torch.equal(a["labels"], b["labels"])
        assert_close(a["scores"], b["scores"], check_dtype=False, rtol=1e-5, atol=1e-6)
        assert_close(a["boxes"], b["boxes"], check_dtype=False, rtol=1e-5, atol=1e-3)


def test_d13_losses_and_their_gradients_are_torchvisions_when_everything_is_sampled():
    ours, theirs = (m.train() for m in both())
    grads = []
    for model in (ours, theirs):
        losses = model(images(), TARGETS)
        sum(losses.values()).backward()
        grads.append({n: p.grad.clone() for n, p in ours.named_parameters()})
        ours.zero_grad()
        grads[-1]["losses"] = torch.stack([losses[k] for k in sorted(losses)]).detach()
    assert len(grads[0]["losses"]) == 4
    for name in grads[0]:
        assert_close(grads[0][name], grads[1][name], check_dtype=False, rtol=1e-4, atol=1e-6)


def test_d13_paper_size_has_the_published_parameters():
    with torch.device("meta"):
        model = faster_rcnn_vgg()
    count = {
        k: sum(p.numel() for p in m.parameters())
        for k, m in (
            ("all", model),
            ("rpn", model.rpn),
            ("cls", model.head.score),
            ("box", model.head.regress),
        )
    }
    assert count == {"all": 137_078_239, "rpn": 2_387_510, "cls": 86_037, "box": 344_148}
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 136_818_079


def test_d13_features_are_computed_once_for_proposals_and_detection():
    model = faster_rcnn_vgg(3, narrow(), shorter=64, longer=96, rpn={"sizes": SIZES}).eval()
    calls = []
    model.trunk.register_forward_hook(lambda *args: calls.append(1))
    model([torch.rand(3, 64, 64)])
    assert calls == [1]


def test_d13_course_size_learns_end_to_end():
    torch.manual_seed(0)
    classifier = vgg(11, width=1 / 16, hidden=(32,), input_size=64, dropout=0.0)
    model = faster_rcnn_vgg(
        3,
        classifier,
        frozen=0,
        shorter=64,
        longer=96,
        rpn={"sizes": (16, 32, 48), "min_size": 2, "after": (50, 20), "samples": 64},
        head={"samples": 64},
    )
    picture = torch.zeros(3, 64, 80)
    picture[0, 14:50, 20:54] = 1
    batch = [picture, torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.2]
    truth = [
        {"boxes": torch.tensor([[20.0, 14, 54, 50]]), "labels": torch.tensor([2])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=int)},
    ]
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(80):
        loss = sum(model(batch, truth).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        found = model.eval()(batch)
    assert found[0]["labels"][0] == 2 and found[0]["scores"][0] > 0.6
    assert (found[0]["boxes"][0] - truth[0]["boxes"][0]).abs().max() < 6
    assert not (found[1]["scores"] > 0.5).any()


def test_wrong_inputs_are_named():
    model = faster_rcnn_vgg(3, narrow(), shorter=64, longer=96)
    good = torch.rand(3, 64, 64)
    with pytest.raises(ValueError, match="box 0 of image 1"):
        bad = {"boxes": torch.tensor([[5.0, 5, 1, 9]]), "labels": torch.tensor([1])}
        model([good, good], [{"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=int)}, bad])
    with pytest.raises(ValueError, match="needs targets"):
        model([good])
    with pytest.raises(ValueError, match="image 1 holds NaN"):
        model.eval()([good, good * math.nan])
    with pytest.raises(ValueError, match="image 1 is too small for the network: resized to 10 x 96"):
        model.eval()([good, torch.rand(3, 20, 200)])
