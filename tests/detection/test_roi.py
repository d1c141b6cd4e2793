"""Pooling over regions against torchvision.ops, torch's adaptive pooling and slow loops (D6, D7, D8, D9)."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from torchvision import ops

from cnncourse.detection import _roi_fast, roi

quick = settings(max_examples=30, deadline=None, derandomize=True, database=None)


@st.composite
def pooling(draw, halves=False):
    """Features of two images; regions partly or wholly outside, of one pixel, empty, overlapping, none."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9999)))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    features = torch.randn(2, 3, width, height, generator=generator, dtype=torch.float64).transpose(-1, -2)
    boxes = []
    for _ in range(2):
        count = draw(st.integers(0, 4))
        first = torch.randint(-30, 100, (count, 2), generator=generator)
        size = torch.randint(0, 120, (count, 2), generator=generator)
        boxes.append(torch.cat((first, first + size), 1).double() / (1 if halves else 1.7))
    bins = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    return features, boxes, bins, draw(st.sampled_from([1 / 8, 1 / 16, 0.3]))


@quick
@given(pooling(halves=True))
def test_d9_roi_pooling_is_torchvisions(case):
    features, boxes, bins, scale = case
    for dtype in (torch.float64, torch.float32):
        f, b = features.to(dtype), [x.to(dtype) for x in boxes]
        expected = ops.roi_pool(f, b, bins, scale)
        assert torch.equal(roi.roi_pool(f, b, bins, scale), expected)
        assert torch.equal(_roi_fast.roi_pool(f, b, bins, scale), expected)


@quick
@given(pooling())
def test_d9_gradients_add_where_regions_overlap_as_torchvisions_do(case):
    features, boxes, bins, scale = case
    boxes = [torch.cat((b, b)) for b in boxes]  # everything overlaps something
    grads = []
    for pool in (ops.roi_pool, roi.roi_pool, _roi_fast.roi_pool):
        f = features.clone().requires_grad_()
        out = pool(f, boxes, bins, scale)
        weights = torch.arange(out.numel(), dtype=out.dtype).view(out.shape)
        touched = out.requires_grad  # no region, or none that touches its map: nothing to differentiate
        grads.append(torch.autograd.grad((out * weights).sum(), f)[0] if touched else torch.zeros_like(f))
    assert_close(grads[1], grads[0])
    assert_close(grads[2], grads[0])


def test_d9_of_equal_maxima_the_first_gets_the_gradient():
    for pool in (ops.roi_pool, roi.roi_pool, _roi_fast.roi_pool):
        features = torch.ones(1, 1, 2, 2, requires_grad=True)
        pool(features, [torch.tensor([[0.0, 0, 1, 1], [1, 1, 1, 1]])], (1, 1), 1.0).sum().backward()
        assert features.grad.tolist() == [[[[1, 0], [0, 1]]]]


def test_d9_roi_pooling_passes_gradcheck():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 2, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    boxes = [torch.tensor([[0, 0, 4, 4], [2, 1, 9, 9.0]], dtype=torch.float64)]
    assert torch.autograd.gradcheck(lambda f: roi.roi_pool(f, boxes, (2, 2), 1.0), features)
    assert torch.autograd.gradcheck(lambda f: _roi_fast.roi_pool(f, boxes, (2, 2), 1.0), features)
    assert torch.autograd.gradcheck(lambda f: roi.roi_align(f, boxes, (2, 2), 0.7), features)


def test_d9_bins_divide_in_integers_where_torchvisions_reach_one_cell_too_far():
    features = torch.zeros(1, 1, 60, 1)
    features[0, 0, 57] = 1  # the cell after a region of 57
    boxes = [torch.tensor([[0.0, 0, 0, 56]])]
    assert roi.roi_pool(features, boxes, (7, 1), 1.0).max() == 0
    assert _roi_fast.roi_pool(features, boxes, (7, 1), 1.0).max() == 0
    assert ops.roi_pool(features, boxes, (7, 1), 1.0).max() == 1


def test_d9_corners_round_half_away_from_zero_and_no_region_is_empty():
    boxes = torch.tensor([[0.5, 1.5, 2.5, 3.5], [-0.5, -1.5, 0.49999997, 0], [5, 5, 5, 5], [9, 9, 2, 2]])
    cells = roi.round_to_cells(boxes, 1.0)
    assert cells.tolist() == [[1, 2, 4, 5], [-1, -2, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]]


@quick
@given(pooling(), st.integers(0, 3), st.booleans())
def test_roi_align_is_torchvisions(case, samples, aligned):
    features, boxes, bins, scale = case
    expected = ops.roi_align(features, boxes, bins, scale, samples, aligned)
    assert_close(roi.roi_align(features, boxes, bins, scale, samples, aligned), expected)


def test_roi_align_of_a_ramp_is_the_ramp():
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    pooled = roi.roi_align(ramp, [torch.tensor([[2.0, 2, 6, 6]])], (2, 2), 1.0)
    expected = torch.tensor([[2.5, 4.5], [2.5, 4.5]])  # bin centres 3 and 5, cell i at i + 1/2
    assert_close(pooled, expected[None, None])


@quick
@given(st.integers(1, 14), st.integers(1, 14), st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_d7_the_pyramid_has_a_fixed_length_and_its_bins_cover_the_map(height, width, levels):
    x = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(height * 20 + width))
    pooled = roi.spatial_pyramid_pool(x, levels)
    assert pooled.shape == (2, 3 * sum(n * n for n in levels))
    whole = [torch.tensor([[0, 0, width, height]])] * 2
    assert torch.equal(pooled, roi.region_pyramid_pool(x, whole, levels))  # a region that is the whole map
    at = 0
    for n in levels:
        grid = pooled[:, at : at + 3 * n * n].reshape(2, 3, n, n)
        assert torch.equal(grid, F.adaptive_max_pool2d(x, n))
        assert torch.equal(grid.amax((-1, -2)), x.amax((-1, -2)))
        at += 3 * n * n


def test_d7_the_papers_sliding_windows_agree_at_13_and_lose_the_border_at_10():
    x = torch.randn(1, 256, 13, 13, generator=torch.Generator().manual_seed(0))
    paper = roi.spatial_pyramid_pool(x, variant="paper")
    assert paper.shape == (1, 12_800)
    assert torch.equal(paper, roi.spatial_pyramid_pool(x))
    x = torch.zeros(1, 1, 10, 10)
    x[..., 9, :] = 1
    assert roi.spatial_pyramid_pool(x, (4,)).max() == 1
    assert roi.spatial_pyramid_pool(x, (4,), variant="paper").max() == 0
    with pytest.raises(ValueError, match="3 x 3 cells"):
        roi.spatial_pyramid_pool(x[..., :3, :3], (4,), variant="paper")
    with pytest.raises(ValueError, match=r"variant must be one of 'adaptive', 'paper', not 'caffe'"):
        roi.spatial_pyramid_pool(x, (4,), variant="caffe")


@quick
@given(pooling())
def test_d9_roi_pooling_is_a_pyramid_of_one_level(case):
    features, boxes, _, scale = case
    cells = [roi.round_to_cells(b, scale) for b in boxes]
    pooled = roi.region_pyramid_pool(features, cells, (3,))
    assert torch.equal(pooled, roi.roi_pool(features, boxes, (3, 3), scale).flatten(1))


def test_d8_projection_takes_the_cells_whose_fields_are_centred_inside():
    stride = 16
    generator = torch.Generator().manual_seed(0)
    first = torch.randint(0, 200, (50, 2), generator=generator)
    boxes = torch.cat((first, first + torch.randint(1, 150, (50, 2), generator=generator)), 1).float()
    for box, cells in zip(boxes.tolist(), roi.project_to_cells(boxes, stride).tolist(), strict=True):
        for low, high, start, end in (
            (box[0], box[2], cells[0], cells[2]),
            (box[1], box[3], cells[1], cells[3]),
        ):
            inside = [x for x in range(40) if low < x * stride < high]
            if inside:
                both_axes = all(any(box[a] < x * stride < box[a + 2] for x in range(40)) for a in (0, 1))
                assert list(range(start, end)) == inside or not both_axes
            assert end > start
    tiny = roi.project_to_cells(torch.tensor([[17.0, 17, 20, 30]]), 16)
    assert tiny.tolist() == [[1, 1, 2, 2]]


def test_no_regions_and_wrong_ones():
    features = torch.zeros(2, 3, 4, 4, requires_grad=True)
    none = [torch.zeros(0, 4)] * 2
    for pool in (roi.roi_pool, _roi_fast.roi_pool, roi.roi_align):
        assert pool(features, none, (2, 2), 1.0).shape == (0, 3, 2, 2)
        with pytest.raises(ValueError, match="2 images need 2"):
            pool(features, none[:1], (2, 2), 1.0)
        with pytest.raises(ValueError, match="image 1"):
            pool(features, [torch.zeros(0, 4), torch.zeros(1, 5)], (2, 2), 1.0)
    assert math.prod(_roi_fast.roi_pool(features, none, (2, 2), 1.0).shape) == 0
