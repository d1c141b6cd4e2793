"""Edge Boxes (D4): edges, groups and scores by hand and against the definition; recall on scenes."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.classical.edge_boxes import (
    affinity,
    best_chains,
    box_score,
    describe_groups,
    edge_boxes,
    enclosed,
    find_edges,
    group_edges,
    near,
    refine,
    turn,
)
from cnncourse.classical.proposals import random_boxes, recall
from cnncourse.data import scenes
from cnncourse.detection.boxes import box_iou, inside_image

quick = settings(max_examples=20, deadline=None, derandomize=True, database=None)
RIGHT, DOWN = 0.0, np.pi / 2


def drawing(size, *lines):
    """Strength and direction of edges given as (rows, columns, direction)."""
    strength, direction = np.zeros(size), np.zeros(size)
    for rows, columns, angle in lines:
        strength[rows, columns], direction[rows, columns] = 1, angle
    return strength, direction


def square(size, top, left, side):
    """The outline of a square, its sides broken off by two pixels at the corners."""
    last = slice(top + 2, top + side - 2), slice(left + 2, left + side - 2)
    return drawing(
        size,
        (top, last[1], RIGHT),
        (top + side - 1, last[1], RIGHT),
        (last[0], left, DOWN),
        (last[0], left + side - 1, DOWN),
    )


def described(strength, direction):
    return describe_groups(strength, direction, group_edges(strength, direction))


@pytest.mark.parametrize(("angle", "line"), [(0, np.pi / 2), (90, 0), (45, 3 * np.pi / 4), (135, np.pi / 4)])
def test_a_step_is_an_edge_one_pixel_wide_along_the_step(angle, line):
    y, x = np.mgrid[:25, :25] - 12.0
    across = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    image = np.stack([np.zeros((25, 25)), across > 0.1], -1)  # of two channels one is empty
    strength, direction = find_edges(image)
    inner = strength[6:-6, 6:-6]
    count = (inner > 0).sum(0 if angle == 90 else 1)
    assert strength.max() == 1 and count.min() >= 1 and count.max() <= 2 and inner[inner > 0].min() > 0.9
    assert np.abs(across[6:-6, 6:-6][inner > 0]).max() <= 1
    assert turn(direction[6:-6, 6:-6][inner > 0], line).max() < 1e-6


def test_a_straight_step_leaves_exactly_one_pixel_a_row():
    image = np.repeat(np.arange(20)[None, :] > 9, 20, 0)[..., None].astype(float)
    for channel in (image, image[:, ::-1]):
        assert ((find_edges(channel)[0] > 0).sum(1) == 1).all()
        assert ((find_edges(channel.transpose(1, 0, 2))[0] > 0).sum(0) == 1).all()
    assert not find_edges(np.full((5, 5, 3), 0.4))[0].any()


def test_lines_have_no_direction_to_and_fro():
    assert turn(0.1, np.pi - 0.1) == pytest.approx(0.2)
    assert turn(0, np.pi / 2) == pytest.approx(np.pi / 2)
    assert turn(3.0, 3.0) == 0


def test_groups_are_nearly_straight_chains():
    strength, direction = drawing((12, 12), (2, slice(1, 9), RIGHT), (slice(5, 11), 4, DOWN))
    labels = group_edges(strength, direction)
    assert np.array_equal(labels >= 0, strength > 0)
    assert set(labels[2, 1:9]) == {0} and set(labels[5:11, 4]) == {1}
    angles = np.radians([0, 30, 60, 90, 120, 150])  # turns of 30 degrees: after three the fourth is too much
    strength, direction = drawing((3, 8), (1, slice(1, 7), angles))
    assert group_edges(strength, direction)[1].tolist() == [-1, 0, 0, 0, 0, 1, 1, -1]


def test_of_several_neighbours_a_chain_goes_to_the_one_that_turns_least():
    strength, direction = drawing((5, 6), (2, slice(0, 6), RIGHT), (3, 1, DOWN), (4, 2, DOWN))
    assert set(group_edges(strength, direction)[2]) == {0}


def test_affinity_by_hand():
    center = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    got = affinity(center, np.array([RIGHT, RIGHT, RIGHT, DOWN]))
    assert got[0, 1] == pytest.approx(1)  # one continues the other
    assert got[0, 2] == pytest.approx(0)  # side by side
    assert got[0, 3] == pytest.approx(0.25)  # (cos 45 * cos 45) ** 2
    assert got[2, 3] == pytest.approx(0) and np.allclose(got, got.T)


@quick
@given(st.integers(0, 9999))
def test_near_groups_are_those_with_pixels_two_apart(seed):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((7, 9)) < 0.3, rng.integers(5, size=(7, 9)), -1)
    labels.flat[:5] = range(5)
    expected = np.zeros((5, 5), bool)
    for p, q in itertools.product(np.argwhere(labels >= 0), repeat=2):
        expected[labels[tuple(p)], labels[tuple(q)]] |= np.abs(p - q).max() <= 2
    assert np.array_equal(near(labels), expected)


def chains_by_enumeration(affinities, start, end):
    others = [k for k in range(len(affinities)) if k not in (start, end)]
    paths = (p for n in range(len(others) + 1) for p in itertools.permutations(others, n))
    products = (np.prod([affinities[a, b] for a, b in itertools.pairwise((start, *p, end))]) for p in paths)
    return 1 if start == end else max(products)


@quick
@given(st.integers(0, 9999))
def test_best_chains_are_those_of_trying_all(seed):
    rng = np.random.default_rng(seed)
    affinities = rng.random((5, 5)) * (rng.random((5, 5)) < 0.5)
    affinities = np.maximum(affinities, affinities.T)
    expected = [[chains_by_enumeration(affinities, i, j) for j in range(5)] for i in range(5)]
    np.testing.assert_allclose(best_chains(affinities), expected, atol=1e-12)


@quick
@given(st.integers(0, 9999))
def test_enclosed_is_the_papers_definition(seed):
    """Equation 2 group by group, with chains tried out one by one from each group that a pixel on the border has."""
    rng = np.random.default_rng(seed)
    labels = np.full((12, 12), -1)
    for group in range(5):
        y, x = rng.integers(11, size=2)
        labels[y : y + 2, x : x + 2] = group
    labels = np.unique(labels, return_inverse=True)[1].reshape(12, 12) - 1
    strength, direction = (labels >= 0) * rng.uniform(0.2, 1, (12, 12)), rng.uniform(0, np.pi, (12, 12))
    edges = describe_groups(strength, direction, labels)
    affinities = affinity(edges.center, edges.angle) * near(labels)
    affinities[affinities <= 0.05] = 0
    x1, y1 = rng.integers(6, size=2)
    x2, y2 = rng.integers(x1 + 1, 13), rng.integers(y1 + 1, 13)
    ring = np.zeros((12, 12), bool)
    ring[y1:y2, x1:x2] = True
    ring[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1] = False
    border = set(labels[ring]) - {-1}
    expected = []
    for group, (x, y) in enumerate(edges.center):
        outside = not (x1 <= x < x2 and y1 <= y < y2)
        tied = max((chains_by_enumeration(affinities, b, group) for b in border), default=0)
        expected.append(0 if outside else 1 - tied)
    np.testing.assert_allclose(enclosed(edges, (x1, y1, x2, y2)), expected, atol=1e-9)


def test_what_groups_are_by_hand():
    strength, direction = drawing((6, 9), (2, slice(1, 5), np.array([0.1, np.pi - 0.1, 0.1, np.pi - 0.1])))
    edges = described(strength / 2, direction)
    assert edges.mass.tolist() == [2.0] and edges.center.tolist() == [[3.0, 2.5]]
    assert turn(edges.angle[0], 0) < 1e-9  # not pi / 2, the mean of the numbers
    assert edges.integral[-1, -1] == 2 and edges.ties.tolist() == [[1]]


def test_a_box_around_a_square_scores_its_edges_by_the_perimeter():
    edges = described(*square((40, 40), 10, 12, 16))
    assert len(edges.mass) == 4
    around, cutting, far = (9, 7, 31, 29), (16, 7, 38, 29), (0, 30, 10, 40)
    assert np.allclose(enclosed(edges, around), 1)
    assert box_score(edges, around) == pytest.approx(4 * 12 / (2 * 44**1.5))
    assert box_score(edges, cutting) < 0.75 * box_score(edges, around)
    assert box_score(edges, far) == 0
    # The square's edges lie within the middle of a box twice as large: nothing is left of its score.
    assert box_score(edges, (3, 1, 37, 35)) == pytest.approx(0, abs=1e-12)


def test_a_contour_that_leaves_the_box_counts_for_nothing_however_many_pieces_it_is_in():
    apart = [(10, slice(a, a + 4), RIGHT) for a in range(0, 30, 6)]  # the next piece begins three columns on
    edges = described(*drawing((20, 30), *apart))
    assert enclosed(edges, (8, 2, 30, 18)).tolist() == [0, 0, 1, 1, 1]
    pieces = [(10 + i % 2 * 2, slice(a, a + 6), RIGHT) for i, a in enumerate(range(0, 30, 6))]
    close = described(*drawing((20, 30), *pieces))
    assert len(close.mass) == 5 and enclosed(close, (8, 2, 30, 18)).max() < 0.6


def test_refining_finds_a_box_that_no_window_hits():
    edges = described(*square((40, 40), 10, 12, 16))
    start = (8, 4, 33, 32)
    score, box = refine(edges, start, 4)
    assert score > box_score(edges, start) and score == box_score(edges, box)
    assert box == (11, 9, 29, 27)  # a pixel around the square: tighter, and its border would touch it
    strength, direction = square((40, 40), 10, 12, 16)
    strength[4, 5] = 50  # a speck
    edges = described(strength, direction)
    free, bounded = (refine(edges, (3, 2, 9, 8), 4, min_area)[1] for min_area in (1, 30))
    area = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (free, bounded)]
    assert area[0] < 30 <= area[1]


def scene(index):
    composed = scenes.compose("train", index)
    image = torch.from_numpy(composed.image).movedim(-1, 0).float() / 255
    return image, torch.from_numpy(composed.annotation.boxes)


def test_a_bright_square_is_found_first():
    image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.02
    image[:, 20:44, 10:50] += 0.9
    boxes, scores = edge_boxes(image, min_area=200, refined=20)
    assert box_iou(boxes[:1], torch.tensor([[10.0, 20, 50, 44]])).item() > 0.7
    assert (scores.diff() <= 0).all() and (scores > 0).all() and inside_image(boxes, (64, 64)).all()
    assert (box_iou(boxes, boxes).fill_diagonal_(0) <= 0.75).all()
    assert torch.equal(edge_boxes(image, min_area=200, refined=20)[0], boxes)
    assert torch.equal(edge_boxes(image, 3, min_area=200, refined=20)[0], boxes[:3])


def test_d4_a_hundred_proposals_cover_objects_that_random_boxes_miss():
    images, objects = zip(*(scene(i) for i in range(4)), strict=True)
    proposals = [edge_boxes(x, min_area=400)[0] for x in images]
    generator = torch.Generator().manual_seed(0)
    chance = recall([random_boxes(100, (96, 96), generator) for _ in images], objects, [30, 100])
    ours = recall(proposals, objects, [30, 100])
    assert ours[1] > 0.8 and (ours > chance + 0.2).all()


def test_an_image_without_edges_has_no_proposals():
    boxes, scores = edge_boxes(torch.full((3, 40, 40), 0.5))
    assert boxes.shape == (0, 4) and scores.shape == (0,)
    assert edge_boxes(torch.rand(1, 9, 9))[0].shape == (0, 4)  # smaller than any window
    noise = torch.rand(1, 6, 7, generator=torch.Generator().manual_seed(0))
    boxes, _ = edge_boxes(noise, min_area=0.1)  # windows of less than a pixel
    assert (boxes[:, 2:] > boxes[:, :2]).all() and inside_image(boxes, (6, 7)).all()


def test_proposals_follow_their_inputs_device(device):
    image = torch.zeros(1, 40, 40, dtype=torch.float64)
    image[:, 10:30, 8:32] = 1
    expected = edge_boxes(image, min_area=300)
    assert len(expected[0]) > 3
    for got, want in zip(edge_boxes(image.to(device), min_area=300), expected, strict=True):
        assert got.device.type == device.type and got.dtype == torch.float64
        assert torch.equal(got.cpu(), want)


def test_bad_inputs_are_told():
    with pytest.raises(ValueError, match=r"uint8 \[3, 9, 9\], not float"):
        edge_boxes(torch.zeros(3, 9, 9, dtype=torch.uint8))
    for shape in ((3, 1, 9), (0, 9, 9), (9, 9), (1, 3, 9, 9)):
        with pytest.raises(ValueError, match="not float"):
            edge_boxes(torch.zeros(shape))
    with pytest.raises(ValueError, match="NaN"):
        edge_boxes(torch.full((3, 9, 9), float("nan")))
