"""Boxes against torchvision.ops and its box coder (D0, D11)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from torchvision import ops
from torchvision.models.detection._utils import BoxCoder

from cnncourse.detection import boxes as B

quick = settings(max_examples=30, deadline=None, derandomize=True, database=None)


@st.composite
def some_boxes(draw, low=-20, high=60, min_count=0, empty=True):
    count = draw(st.integers(min_count, 8))
    smallest = 0 if empty else 1
    rows = []
    for _ in range(count):
        x, y = draw(st.integers(low, high)), draw(st.integers(low, high))
        rows.append([x, y, x + draw(st.integers(smallest, 40)), y + draw(st.integers(smallest, 40))])
    return torch.tensor(rows, dtype=torch.float64).reshape(-1, 4) / draw(st.sampled_from([1, 2, 3]))


@quick
@given(some_boxes())
def test_formats_are_torchvisions_and_invert_each_other(boxes):
    assert_close(B.corners_to_center(boxes), ops.box_convert(boxes, "xyxy", "cxcywh"))
    assert_close(B.corners_to_size(boxes), ops.box_convert(boxes, "xyxy", "xywh"))
    assert_close(B.center_to_corners(B.corners_to_center(boxes)), boxes)
    assert_close(B.size_to_corners(B.corners_to_size(boxes)), boxes)
    assert_close(B.to_voc(B.from_voc(boxes)), boxes)


def test_a_voc_box_of_one_pixel_is_one_pixel_large():
    assert B.from_voc(torch.tensor([[1, 1, 1, 1], [1, 1, 500, 375]])).tolist() == [
        [0, 0, 1, 1],
        [0, 0, 500, 375],
    ]


@quick
@given(some_boxes(), some_boxes())
def test_d0_iou_is_torchvisions_except_where_that_is_nan(a, b):
    expected = ops.box_iou(a, b).nan_to_num(0)
    assert torch.equal(B.box_iou(a, b), expected)
    assert_close(B.box_iou(a.T.contiguous().T, b), expected)
    assert_close(B.box_iou(a.float(), b.float()), ops.box_iou(a.float(), b.float()).nan_to_num(0))
    assert_close(B.box_area(a), ops.box_area(a))


@quick
@given(some_boxes(-5, 15), some_boxes(-5, 15))
def test_d0_iou_counts_pixels(a, b):
    a, b = a.round(), b.round()
    for i in range(len(a)):
        for j in range(len(b)):
            pixels = [
                {(x, y) for x in range(int(r[0]), int(r[2])) for y in range(int(r[1]), int(r[3]))}
                for r in (a[i], b[j])
            ]
            union = len(pixels[0] | pixels[1])
            expected = len(pixels[0] & pixels[1]) / union if union else 0
            assert B.box_iou(a, b)[i, j].item() == expected


def test_iou_takes_integers_and_passes_gradients_even_for_empty_boxes():
    boxes = torch.tensor([[0, 0, 4, 2], [2, 0, 6, 2]])
    assert B.box_iou(boxes, boxes).tolist() == [[1, pytest.approx(1 / 3)], [pytest.approx(1 / 3), 1]]
    empty = torch.zeros(1, 4, requires_grad=True)
    B.box_iou(empty, empty).sum().backward()
    assert empty.grad.isfinite().all()
    a = torch.tensor([[0, 0, 5, 4], [1, 1, 3, 7.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(B.box_iou, (a, a.detach() + 0.7))


@quick
@given(some_boxes(), st.integers(1, 50), st.integers(1, 50))
def test_clipping_and_selection_are_torchvisions(boxes, height, width):
    clipped = B.clip_boxes(boxes, (height, width))
    assert torch.equal(clipped, ops.clip_boxes_to_image(boxes, (height, width)))
    keep = ops.remove_small_boxes(clipped, 3)
    assert B.large_enough(clipped, 3).nonzero()[:, 0].tolist() == keep.tolist()
    assert torch.equal(B.inside_image(boxes, (height, width)), (clipped == boxes).all(1))


@quick
@given(some_boxes(min_count=1, empty=False), st.integers(0, 99))
def test_d11_coding_is_torchvisions(boxes, seed):
    generator = torch.Generator().manual_seed(seed)
    anchors = boxes[torch.randperm(len(boxes), generator=generator)] + 1.5
    weights = (10.0, 10.0, 5.0, 5.0)
    coder = BoxCoder(weights)
    code = B.encode_boxes(boxes, anchors, weights)
    assert_close(code, coder.encode_single(boxes, anchors))
    assert_close(B.decode_boxes(code, anchors, weights), boxes)
    codes = 20 * torch.randn(len(boxes), 3, 4, generator=generator, dtype=torch.float64)
    expected = coder.decode_single(codes.flatten(1), anchors).unflatten(1, (3, 4))
    assert_close(B.decode_boxes(codes, anchors[:, None], weights), expected)


def test_d11_the_targets_of_the_paper():
    anchor, box = torch.tensor([0.0, 0, 10, 20]), torch.tensor([5.0, 5, 25, 15])
    expected = [(15 - 5) / 10, (10 - 10) / 20, math.log(2), math.log(0.5)]
    assert_close(B.encode_boxes(box, anchor), torch.tensor(expected))


def test_wild_sizes_are_clamped():
    wild = B.decode_boxes(torch.tensor([[0, 0, 1e6, 50.0]]), torch.tensor([[0, 0, 16.0, 16]]))
    assert_close(B.corners_to_size(wild)[:, 2:], torch.tensor([[1000.0, 1000.0]]))


def test_coding_passes_gradients_and_takes_no_boxes():
    anchors = torch.tensor([[0, 0, 5, 4], [1, 1, 3, 7.0]], dtype=torch.float64)
    code = torch.tensor([[0.1, 0.2, 0.3, -0.1], [0.5, 0, 0, 1]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda c: B.decode_boxes(c, anchors), code)
    assert torch.autograd.gradcheck(lambda c: B.encode_boxes(c + anchors, anchors), code)
    assert B.encode_boxes(torch.zeros(0, 4), torch.zeros(0, 4)).shape == (0, 4)
    assert B.decode_boxes(torch.zeros(0, 3, 4), torch.zeros(0, 1, 4)).shape == (0, 3, 4)
