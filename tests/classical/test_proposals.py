"""Proposals that do not look at the image, and how proposals are judged (D4)."""

import pytest
import torch

from cnncourse.classical.proposals import random_boxes, recall, sliding_windows
from cnncourse.detection.boxes import box_area, box_iou, inside_image


def test_random_boxes_lie_inside_and_follow_their_generator():
    boxes = random_boxes(2000, (30, 60), torch.Generator().manual_seed(0))
    assert inside_image(boxes, (30, 60)).all() and (boxes[:, :2] <= boxes[:, 2:]).all()
    assert torch.equal(boxes, random_boxes(2000, (30, 60), torch.Generator().manual_seed(0)))
    mean = boxes.mean(0) / torch.tensor([60, 30, 60, 30])  # the smaller and the larger of two uniform numbers
    assert torch.allclose(mean, torch.tensor([1 / 3, 1 / 3, 2 / 3, 2 / 3]), atol=0.02)


@pytest.mark.parametrize("alpha", [0.5, 0.65])
def test_neighbouring_sliding_windows_overlap_by_about_alpha(alpha):
    boxes = sliding_windows((50, 60), alpha, min_area=400)
    assert inside_image(boxes, (50, 60)).all() and (box_area(boxes) > 399).all()
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    assert (width / height).max() < 3.01 and (height / width).max() < 3.01
    overlap = box_iou(boxes, boxes).fill_diagonal_(0).max(1).values
    assert (overlap - alpha).median() < 0.1 and overlap.min() > alpha - 0.15
    row = boxes[torch.stack((height - 20, width - 20, boxes[:, 1])).abs().max(0).values < 1e-3]
    assert (
        box_iou(row[:-1], row[1:]).diag() - alpha
    ).abs().max() < 0.1  # squares along the image's upper edge
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(200, generator=generator) * extent for extent in (32, 22))
    anywhere = torch.stack((x, y, x + 21 + x / 8, y + 21 + y / 4), 1)
    assert box_iou(anywhere, boxes).max(1).values.min() > alpha - 0.1  # no object is far from all of them


def test_windows_larger_than_the_image_are_left_out():
    assert sliding_windows((20, 20), min_area=401).shape == (0, 4)
    assert sliding_windows((20, 20), min_area=400).tolist() == [[0, 0, 20, 20]]
    assert sliding_windows((10, 40), min_area=200)[:, 3].max() <= 10


def test_d4_recall_counts_the_objects_that_the_first_proposals_cover():
    objects = [
        torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]]),
        torch.tensor([[0.0, 0, 4, 4]]),
        torch.zeros(0, 4),
    ]
    proposals = [
        torch.tensor([[50.0, 50, 60, 60], [0, 0, 10, 5], [20, 20, 30, 30]]),  # the second: IoU 1/2, inclusive
        torch.zeros(0, 4),
        torch.tensor([[0.0, 0, 1, 1]]),
    ]
    expected = torch.tensor([0, 0, 1 / 3, 2 / 3, 2 / 3], dtype=torch.float64)
    assert torch.equal(recall(proposals, objects, [0, 1, 2, 3, 1000]), expected)
    assert recall(proposals, objects, [1000], threshold=0.51).item() == pytest.approx(1 / 3)


def test_proposals_follow_their_inputs_device(device):
    boxes = random_boxes(5, (8, 8), torch.Generator().manual_seed(0)).to(device)
    assert recall([boxes], [boxes], [5]).item() == 1


def test_bad_inputs_are_told():
    with pytest.raises(ValueError, match="No image holds an object"):
        recall([torch.zeros(0, 4)], [torch.zeros(0, 4)], [1])
    with pytest.raises(ValueError, match="alpha=1"):
        sliding_windows((20, 20), alpha=1)
