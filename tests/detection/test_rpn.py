"""The region proposal network by its rules (D11); against torchvision's in test_faster_rcnn."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from torchvision import ops

from cnncourse.detection.anchors import base_anchors, grid_anchors
from cnncourse.detection.boxes import box_iou, decode_boxes
from cnncourse.detection.rpn import RPN, RPNHead, propose, rpn_loss, rpn_targets


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_d11_the_head_of_vgg_16_has_the_published_parameters():
    with torch.device("meta"):
        head = RPNHead(512, 9)
        logits, codes = head(torch.zeros(2, 512, 38, 50))
    counts = [sum(p.numel() for p in layer.parameters()) for layer in (head.conv, head.score, head.regress)]
    assert counts == [2_359_808, 9_234, 18_468]
    assert logits.shape == (2, 38 * 50 * 9) and codes.shape == (2, 38 * 50 * 9, 4)


def test_d11_the_difference_of_two_scores_is_the_softmax_and_every_anchor_has_its_own_predictor():
    torch.manual_seed(0)
    head, features = RPNHead(3, 2, hidden=4).double(), rand(1, 3, 2, 3) - 0.5
    logits, codes = head(features)
    hidden = F.conv2d(features, head.conv.weight, head.conv.bias, padding=1).relu()
    for i in range(2):
        for j in range(3):
            for a in range(2):
                at = (i * 3 + j) * 2 + a
                vector = hidden[0, :, i, j]
                two = [head.score.weight[k, :, 0, 0] @ vector + head.score.bias[k] for k in (a, 2 + a)]
                assert_close(logits[0, at].sigmoid(), torch.stack(two).softmax(0)[1])
                box = head.regress.weight[4 * a : 4 * a + 4, :, 0, 0] @ vector
                assert_close(codes[0, at], box + head.regress.bias[4 * a : 4 * a + 4])


def test_d11_targets_follow_the_rules_and_leave_out_anchors_beyond_the_image():
    anchors = torch.tensor(
        [
            [0.0, 0, 10, 10],  # the object itself
            [0, 0, 10, 7],  # 0.7: inclusive
            [0, 0, 10, 5],  # between
            [30, 30, 40, 40],  # nothing
            [-2, 0, 8, 10],  # beyond the image
            [55, 50, 60, 60],  # the best inside of the second object, 0.25
            [50, 50, 70, 60],  # its best, beyond the image
        ]
    )
    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 70, 60]])
    labels, codes = rpn_targets(anchors, boxes, (60, 60))
    assert labels.tolist() == [1, 1, -1, 0, -1, 1, -1]
    assert_close(decode_boxes(codes[5], anchors[5]), boxes[1])
    assert (codes[[2, 3, 4, 6]] == 0).all()
    labels, _ = rpn_targets(anchors, boxes)  # torchvision's way
    assert labels.tolist() == [1, 1, -1, 0, -1, 0, 1]
    labels, _ = rpn_targets(anchors, torch.zeros(0, 4), (60, 60))
    assert labels.tolist() == [0, 0, 0, 0, -1, 0, -1]


def test_d11_the_loss_by_hand():
    logits = torch.tensor([[0.0, 2, -1, 5]], dtype=torch.float64, requires_grad=True)
    codes = torch.zeros(1, 4, 4, dtype=torch.float64, requires_grad=True)
    wanted = torch.zeros(1, 4, 4, dtype=torch.float64)
    wanted[0, 0] = torch.tensor([1.0, 0.05, 0, 0])
    wanted[0, 2] = 7  # not positive: no box loss
    losses = rpn_loss(logits, codes, torch.tensor([[1, 0, 0, -1]]), wanted)
    expected = (math.log(2) + math.log(1 + math.exp(2)) + math.log(1 + math.exp(-1))) / 3
    assert losses["loss_objectness"].item() == pytest.approx(expected)
    smooth = (1 - 0.5 / 9) + 0.5 * 9 * 0.05**2
    assert losses["loss_rpn_box_reg"].item() == pytest.approx(smooth / 3)
    sum(losses.values()).backward()
    assert logits.grad[0, 3] == 0 and (codes.grad[0, 1:] == 0).all()


def test_d11_the_loss_draws_256_anchors_half_of_them_positive():
    labels = torch.tensor([[1] * 300 + [0] * 500 + [-1] * 100])
    logits = torch.zeros(1, 900, requires_grad=True)
    losses = rpn_loss(logits, torch.zeros(1, 900, 4), labels, torch.zeros(1, 900, 4))
    losses["loss_objectness"].backward()
    counted = logits.grad[0] != 0
    assert [int(counted[labels[0] == v].sum()) for v in (1, 0, -1)] == [128, 128, 0]


def test_d11_losses_without_objects_or_anchors_are_finite():
    for label in (0, -1):
        losses = rpn_loss(
            *(torch.zeros(1, 5), torch.zeros(1, 5, 4), torch.full((1, 5), label), torch.zeros(1, 5, 4))
        )
        assert all(v.isfinite() for v in losses.values())


def test_d11_proposals_are_the_steps_one_after_the_other():
    anchors = grid_anchors(base_anchors((16, 32)), (6, 8), 16).double()
    logits, codes = rand(len(anchors)), rand(len(anchors), 4, seed=1) - 0.5
    found = propose(logits, codes, anchors, (96, 128), before=150, after=20, threshold=0.6, min_size=12)
    best = logits.argsort(descending=True)[:150]
    boxes = ops.clip_boxes_to_image(decode_boxes(codes[best], anchors[best]), (96, 128))
    keep = ops.remove_small_boxes(boxes, 12)
    boxes, scores = boxes[keep], logits[best][keep]
    assert len(boxes) < 150
    assert_close(found, boxes[ops.nms(boxes, scores, 0.6)[:20]])
    assert not found.requires_grad


def test_d11_proposals_move_with_the_image_by_multiples_of_the_stride():
    torch.manual_seed(0)
    head = RPNHead(3, 9, hidden=8)
    features = torch.zeros(1, 3, 16, 16)
    features[..., 4:8, 4:8] = torch.rand(3, 4, 4)
    moved = features.roll((3, 2), (2, 3))
    logits, codes = (x[0].unflatten(0, (16, 16, 9)) for x in head(features))
    moved_logits, moved_codes = (x[0].unflatten(0, (16, 16, 9)) for x in head(moved))
    assert torch.allclose(moved_logits[5:13, 4:12], logits[2:10, 2:10], atol=1e-6)
    assert torch.allclose(moved_codes[5:13, 4:12], codes[2:10, 2:10], atol=1e-6)
    anchors = grid_anchors(base_anchors(), (16, 16), 16).unflatten(0, (16, 16, 9))
    boxes, moved_boxes = decode_boxes(codes, anchors), decode_boxes(moved_codes, anchors)
    shift = torch.tensor([32.0, 48, 32, 48])
    assert torch.allclose(moved_boxes[5:13, 4:12], boxes[2:10, 2:10] + shift, atol=1e-3)


def test_d13_gradients_stop_at_the_proposals_and_training_lets_more_through():
    torch.manual_seed(0)
    rpn = RPN(3, sizes=(16, 32), hidden=4, before=(60, 30), after=(40, 10), min_size=1)
    features = torch.rand(2, 3, 5, 6, requires_grad=True)
    target = {"boxes": torch.tensor([[10.0, 10, 40, 40]]), "labels": torch.tensor([1])}
    proposals, losses = rpn(features, [(80, 96), (70, 96)], [target, target])
    assert len(proposals) == 2 and not any(p.requires_grad for p in proposals)
    assert all(10 < len(p) <= 40 for p in proposals)
    assert proposals[1][:, 3].max() <= 70
    sum(losses.values()).backward()
    assert features.grad.abs().sum() > 0
    few, losses = rpn.eval()(features, [(80, 96)] * 2)
    assert all(len(p) <= 10 for p in few) and losses == {}
    iou = box_iou(few[0], few[0]).fill_diagonal_(0)
    assert iou.max() <= 0.7


@pytest.mark.parametrize(
    "build", [lambda variant: RPNHead(8, 9, variant=variant), lambda v: RPN(8, variant=v)]
)
def test_a_variant_that_there_is_not_is_refused(build):
    for variant in ("paper", "torchvision"):
        build(variant)
    with pytest.raises(ValueError, match=r"variant must be one of 'paper', 'torchvision', not 'papper'"):
        build("papper")
