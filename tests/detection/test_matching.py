"""Matching against torchvision's Matcher and slow loops (D11, D15); sampling by its distribution (D10)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection._utils import Matcher, SSDMatcher

from cnncourse.detection.matching import IGNORED, NEGATIVE, match, match_bipartite, sample_balanced

quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@st.composite
def overlaps(draw, max_objects=5, max_anchors=12):
    shape = draw(st.integers(0, max_objects)), draw(st.integers(0, max_anchors))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9999)))
    return (
        torch.randint(0, draw(st.sampled_from([4, 11, 1000])), shape, generator=generator).double() / 10 % 1.1
    )


def slow_match(iou, high, low, best_anchors):
    matches = []
    for a in range(iou.shape[1]):
        column = iou[:, a].tolist()
        best = max(column, default=0)
        is_best = any(column[o] > 0 and column[o] == max(iou[o].tolist()) for o in range(len(column)))
        if column and (best >= high or (best_anchors and is_best)):
            matches.append(column.index(best))
        else:
            matches.append(NEGATIVE if best < low or not column else IGNORED)
    return matches


@quick
@given(overlaps(), st.booleans())
def test_d11_matching_is_the_papers(iou, best_anchors):
    assert match(iou, 0.7, 0.3, best_anchors).tolist() == slow_match(iou, 0.7, 0.3, best_anchors)


@quick
@given(overlaps(), st.booleans())
def test_d11_matching_is_torchvisions_when_every_object_is_touched(iou, best_anchors):
    if 0 in iou.shape or (iou.max(1).values == 0).any():
        return
    assert torch.equal(match(iou, 0.7, 0.3, best_anchors), Matcher(0.7, 0.3, best_anchors)(iou))


def test_thresholds_are_inclusive_and_the_best_anchor_counts_however_little_it_overlaps():
    iou = torch.tensor([[0.7, 0.3, 0.29, 0.1, 0.0], [0.0, 0.0, 0.0, 0.2, 0.2]])
    assert match(iou, 0.7, 0.3).tolist() == [0, IGNORED, NEGATIVE, NEGATIVE, NEGATIVE]
    assert match(iou, 0.7, 0.3, best_anchors=True).tolist() == [0, IGNORED, NEGATIVE, 1, 1]


def test_an_object_that_nothing_overlaps_matches_nothing():
    iou = torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.1, 0.0]])
    assert match(iou, 0.7, 0.3, best_anchors=True).tolist() == [1, NEGATIVE, NEGATIVE]
    assert match_bipartite(iou, 0.5).tolist() == [1, NEGATIVE, NEGATIVE]


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="exceeds"):
        match(torch.zeros(1, 1), 0.3, 0.7)


def slow_bipartite(iou, threshold):
    free_objects, matches = set(range(iou.shape[0])), [NEGATIVE] * iou.shape[1]
    pairs = [(-v, o, a) for o, row in enumerate(iou.tolist()) for a, v in enumerate(row) if v > 0]
    for _, o, a in sorted(pairs):
        if o in free_objects and matches[a] == NEGATIVE:
            matches[a] = o
            free_objects.remove(o)
    for a in range(iou.shape[1]):
        column = iou[:, a].tolist()
        if matches[a] == NEGATIVE and max(column, default=0) >= threshold:
            matches[a] = column.index(max(column))
    return matches


@quick
@given(overlaps())
def test_d15_bipartite_matching_gives_every_object_a_box_of_its_own(iou):
    assert match_bipartite(iou, 0.5).tolist() == slow_bipartite(iou, 0.5)


@quick
@given(overlaps())
def test_d15_bipartite_matching_is_torchvisions_when_no_two_objects_want_one_box(iou):
    if 0 in iou.shape or (iou.max(1).values == 0).any() or len(iou.max(1).indices.unique()) < len(iou):
        return
    iou = iou + torch.rand(iou.shape, generator=torch.Generator().manual_seed(0)) / 1000  # no ties
    if len(iou.max(1).indices.unique()) == len(iou):
        assert torch.equal(match_bipartite(iou, 0.5), SSDMatcher(0.5)(iou))


@quick
@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 30), st.sampled_from([0.25, 0.5]))
def test_d10_samples_hold_the_fraction_and_fill_up_with_negatives(positives, negatives, count, fraction):
    labels = torch.tensor([2] * positives + [0] * negatives + [-1] * 5)[
        torch.randperm(positives + negatives + 5)
    ]
    pos, neg = sample_balanced(labels, count, fraction, torch.Generator().manual_seed(0))
    assert len(pos) == min(positives, int(count * fraction))
    assert len(neg) == min(negatives, count - len(pos))
    assert (labels[pos] > 0).all() and (labels[neg] == 0).all()
    assert len(pos.unique()) == len(pos) and len(neg.unique()) == len(neg)


def test_samples_are_drawn_uniformly_from_the_generator_they_are_given():
    labels, generator = torch.tensor([1, 1, 1, 0, 0, 0, 0]), torch.Generator().manual_seed(3)
    counts = torch.zeros(7)
    for _ in range(2000):
        for part in sample_balanced(labels, 3, 0.34, generator):
            counts[part] += 1
    expected = torch.tensor([2000 / 3] * 3 + [1000.0] * 4)
    assert ((counts - expected).abs() < 110).all()  # five standard deviations
    again = [sample_balanced(labels, 3, 0.34, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert all(torch.equal(a, b) for a, b in zip(*again, strict=True))
