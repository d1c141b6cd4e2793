"""Non-maximum suppression against torchvision's, plain and fast (D0)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import ops

from cnncourse.detection import _nms_fast
from cnncourse.detection.nms import batched_nms, nms

quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@st.composite
def detections(draw, max_count=40):
    """Boxes on a coarse grid (equal boxes, shared edges, empty ones), scores with ties."""
    count, seed = draw(st.integers(0, max_count)), draw(st.integers(0, 9999))
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(0, 12, (count, 2), generator=generator)
    size = torch.randint(draw(st.integers(0, 1)), 10, (count, 2), generator=generator)
    boxes = torch.cat((first, first + size), 1).to(draw(st.sampled_from([torch.float32, torch.float64])))
    scores = torch.randint(0, draw(st.sampled_from([3, 1000])), (count,), generator=generator) / 10
    return boxes, scores.to(boxes.dtype), torch.randint(1, 4, (count,), generator=generator)


@quick
@given(detections(), st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.7, 1.0]))
def test_d0_nms_is_torchvisions(found, threshold):
    boxes, scores, labels = found
    expected = ops.nms(boxes, scores, threshold)
    assert torch.equal(nms(boxes, scores, threshold), expected)
    assert torch.equal(_nms_fast.nms(boxes, scores, threshold), expected)
    assert torch.equal(_nms_fast.nms(boxes, scores, threshold, limit=3), expected[:3])
    kept = batched_nms(boxes, scores, labels, threshold)
    together = ops.batched_nms(boxes.double(), scores.double(), labels, threshold)
    assert sorted(kept.tolist()) == sorted(together.tolist())
    assert torch.equal(_nms_fast.nms(boxes, scores, threshold, labels), kept)


@pytest.mark.parametrize("block", [1, 3, 128])
def test_blocks_do_not_change_the_answer(block, monkeypatch):
    monkeypatch.setattr(_nms_fast, "BLOCK", block)
    generator = torch.Generator().manual_seed(0)
    first, size = torch.rand(400, 2, generator=generator) * 50, torch.rand(400, 2, generator=generator) * 30
    boxes, scores = torch.cat((first, first + size), 1), torch.rand(400, generator=generator)
    expected = ops.nms(boxes, scores, 0.5)
    assert len(expected) < 300
    assert torch.equal(_nms_fast.nms(boxes, scores, 0.5), expected)
    assert torch.equal(_nms_fast.nms(boxes, scores, 0.5, limit=20), expected[:20])


def test_the_threshold_itself_does_not_suppress_and_ties_go_to_the_first():
    boxes = torch.tensor([[0.0, 0, 2, 1], [0, 0, 1, 1], [0, 0, 2, 1]])  # 1 overlaps the others by exactly 1/2
    scores = torch.tensor([0.5, 0.9, 0.5])
    assert nms(boxes, scores, 0.5).tolist() == [1, 0]
    assert nms(boxes, scores, 0.49).tolist() == [1]
    assert nms(boxes, scores, 1.0).tolist() == [1, 0, 2]


def test_a_suppressed_box_suppresses_nothing():
    boxes = torch.tensor([[0.0, 0, 10, 1], [4, 0, 14, 1], [8, 0, 18, 1]])
    scores = torch.tensor([3.0, 2, 1])
    for found in (nms(boxes, scores, 0.3), _nms_fast.nms(boxes, scores, 0.3)):
        assert found.tolist() == [0, 2]


def test_nothing_stays_nothing_and_strides_do_not_matter():
    none = torch.zeros(0, 4), torch.zeros(0)
    assert nms(*none, 0.5).dtype == torch.int64 and len(nms(*none, 0.5)) == 0
    assert len(batched_nms(*none, torch.zeros(0, dtype=int), 0.5)) == 0
    boxes = torch.rand(4, 9).T * 5
    boxes[:, 2:] += boxes[:, :2]
    assert torch.equal(
        nms(boxes, torch.arange(9.0), 0.2), ops.nms(boxes.contiguous(), torch.arange(9.0), 0.2)
    )
