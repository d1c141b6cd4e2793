"""Selective Search (D4): measures by hand, grouping against recomputing everything from pixels, recall on scenes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.classical.proposals import random_boxes, recall
from cnncourse.classical.selective_search import (
    Region,
    describe,
    fill_similarity,
    group,
    histogram_intersection,
    in_color_space,
    merge,
    region_histograms,
    selective_search,
    similarity,
    size_similarity,
    texture_responses,
    touching,
)
from cnncourse.data import scenes
from cnncourse.detection.boxes import inside_image

quick = settings(max_examples=15, deadline=None, derandomize=True, database=None)
FLAT = np.ones(4) / 4


def region(size, box):
    return Region(size, box, FLAT, FLAT)


def image_of(index):
    scene = scenes.compose("train", index)
    image = torch.from_numpy(scene.image).movedim(-1, 0).float() / 255
    return image, torch.from_numpy(scene.annotation.boxes)


def test_the_measures_by_hand():
    assert histogram_intersection(np.array([0.5, 0.5, 0]), np.array([0.25, 0.25, 0.5])) == 0.5
    assert histogram_intersection(FLAT, FLAT) == 1
    a, b = region(6, (0, 0, 3, 2)), region(2, (3, 1, 4, 3))
    assert size_similarity(a, b, 100) == 1 - 8 / 100
    assert fill_similarity(a, b, 100) == 1 - (4 * 3 - 8) / 100
    assert similarity(a, b, 100) == pytest.approx(1 + 1 + 0.92 + 0.96)
    assert similarity(a, b, 100, "sf") == pytest.approx(0.92 + 0.96)


def test_histograms_are_numpys():
    rng = np.random.default_rng(0)
    values, labels = rng.random((9, 8, 3)), rng.integers(4, size=(9, 8))
    values[0, 0] = 1  # belongs to the last bin
    for bins in (5, 25):
        got = region_histograms(values, labels, bins)
        for r in range(4):
            counts = [np.histogram(values[labels == r][:, c], bins, (0, 1))[0] for c in range(3)]
            np.testing.assert_allclose(got[r], np.concatenate(counts) / (3 * (labels == r).sum()))


def test_texture_responds_to_the_direction_of_an_edge():
    step = np.repeat(np.arange(16)[None, :] > 7, 16, 0)[..., None].astype(float)
    for image, strongest in ((step, 0), (step.transpose(1, 0, 2), 2), (1 - step, 4), (step[::-1, ::-1], 4)):
        responses = texture_responses(image)
        assert responses.shape == (16, 16, 8) and responses.max() == 1
        assert responses.sum((0, 1)).argmax() == strongest
    assert (texture_responses(np.full((4, 4, 3), 0.3)) == 0).all()


def test_touching_regions_share_a_side_not_a_corner():
    labels = np.array([[0, 0, 1], [2, 2, 1], [3, 3, 3]])
    assert touching(labels) == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)}
    assert touching(np.array([[0, 1], [2, 0]])) == {(0, 1), (0, 2)}
    assert touching(np.zeros((3, 3), int)) == set()


def assert_same(got, expected):
    assert got.size == expected.size and got.box == expected.box
    np.testing.assert_allclose(got.color, expected.color, atol=1e-12)
    np.testing.assert_allclose(got.texture, expected.texture, atol=1e-12)


def grouped_from_pixels(image, labels, measures):
    """Algorithm 1 with every region described anew, from its pixels, before every step."""
    labels, alive = labels.copy(), list(range(labels.max() + 1))
    made = describe(image, labels)
    while len(alive) > 1:
        dense = np.searchsorted(alive, labels)
        now = describe(image, dense)
        pairs = sorted(touching(dense))
        best = max(pairs, key=lambda p: similarity(now[p[0]], now[p[1]], labels.size, measures))
        new = alive[-1] + 1
        labels[np.isin(dense, best)] = new
        alive = [r for i, r in enumerate(alive) if i not in best] + [new]
        made.append(describe(image, np.searchsorted(alive, labels))[-1])
    return made


@quick
@given(st.integers(0, 9999), st.sampled_from(["ctsf", "tsf", "c", "sf"]))
def test_merged_histograms_and_the_order_of_merging_are_those_of_recomputation(seed, measures):
    rng = np.random.default_rng(seed)
    seeds = rng.integers(20, size=(7, 2))
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20), indexing="ij"), -1)
    labels = ((grid[:, :, None] - seeds) ** 2).sum(-1).argmin(-1)  # connected cells of any size
    labels = np.unique(labels, return_inverse=True)[1].reshape(20, 20)
    image = (rng.random((7, 3))[labels] + rng.random((20, 20, 3))) / 2
    got = group(describe(image, labels), touching(labels), labels.size, measures)
    expected = grouped_from_pixels(image, labels, measures)
    assert len(got) == len(expected) == 2 * (labels.max() + 1) - 1
    for one, other in zip(got, expected, strict=True):
        assert_same(one, other)
    assert got[-1].size == 400 and got[-1].box == (0, 0, 20, 20)


def test_merging_is_symmetric_and_ties_go_to_the_first_pair():
    image = np.random.default_rng(0).random((4, 8, 3))
    left, right = describe(image, np.repeat([[0] * 3 + [1] * 5], 4, 0))
    assert_same(merge(left, right), merge(right, left))
    equal = [region(4, (2 * i, 0, 2 * i + 2, 2)) for i in range(4)]
    made = group(equal, {(2, 3), (0, 1), (1, 2)}, 16)[4:]
    assert [r.box for r in made] == [(0, 0, 4, 2), (4, 0, 8, 2), (0, 0, 8, 2)]


def test_colour_spaces_fill_0_to_1():
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T[None].astype(float)
    for space in ("rgb", "hsv", "lab", "gray"):
        values = in_color_space(corners, space)
        assert values.min() >= 0 and values.max() <= 1 + 1e-9 and np.ptp(values) > 0.8
    np.testing.assert_allclose(in_color_space(np.full((1, 1, 3), 0.5), "lab")[0, 0, 1:], 0.5, atol=1e-3)


def test_proposals_are_boxes_of_the_image_each_once_and_the_same_every_time():
    image, _ = image_of(0)
    boxes = selective_search(image, min_size=10)
    assert boxes.dtype == torch.float32 and inside_image(boxes, (96, 96)).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all() and len(boxes.unique(dim=0)) == len(boxes) > 50
    assert [0, 0, 96, 96] in boxes.tolist()
    assert torch.equal(boxes, selective_search(image, min_size=10))
    other = selective_search(image, min_size=10, seed=1)
    assert not torch.equal(boxes, other) and torch.equal(boxes.unique(dim=0), other.unique(dim=0))
    fewer = selective_search(image, spaces=["lab"], measures=["ctsf"], scales=[100], min_size=10)
    assert {tuple(b) for b in fewer.tolist()} < {tuple(b) for b in boxes.tolist()}
    large = selective_search(image, scales=[100], min_size=100)
    # min_size, if not given, is as many pixels as the scale
    assert torch.equal(large, selective_search(image, scales=[100]))


def test_large_regions_come_early_but_not_in_the_order_of_grouping():
    image, _ = image_of(0)
    ranked = [selective_search(image, ["rgb"], ["sf"], [20], 5, seed).tolist() for seed in range(8)]
    places = [boxes.index([0, 0, 96, 96]) for boxes in ranked]
    assert len(ranked[0]) > 60 and max(places) < 20 and len(set(places)) > 1


def test_d4_a_hundred_proposals_cover_objects_that_random_boxes_miss():
    images, objects = zip(*(image_of(i) for i in range(5)), strict=True)
    proposals = [selective_search(x, spaces=["lab"], scales=[50], min_size=10) for x in images]
    generator = torch.Generator().manual_seed(0)
    ours = recall(proposals, objects, [10, 100])
    chance = recall([random_boxes(100, (96, 96), generator) for _ in images], objects, [10, 100])
    assert ours[1] > 0.9 > 0.6 > chance[1] and ours[0] > chance[0]


def test_an_image_of_one_colour_is_one_region():
    assert selective_search(torch.full((3, 9, 7), 0.5)).tolist() == [[0, 0, 7, 9]]


def test_proposals_follow_their_inputs_device(device):
    image, _ = image_of(1)
    got = selective_search(image.double().to(device), spaces=["rgb"], measures=["sf"], scales=[100])
    assert got.device.type == device.type and got.dtype == torch.float64
    assert torch.equal(got.cpu().float(), selective_search(image, ["rgb"], ["sf"], [100]))


def test_bad_inputs_are_told():
    with pytest.raises(ValueError, match=r"uint8 \[3, 9, 9\], not RGB float"):
        selective_search(torch.zeros(3, 9, 9, dtype=torch.uint8))
    for shape in ((1, 9, 9), (3, 1, 9), (3, 0, 0), (2, 3, 9, 9)):
        with pytest.raises(ValueError, match="not RGB float"):
            selective_search(torch.zeros(shape))
    for value in (float("nan"), 1.5, -1.0):
        with pytest.raises(ValueError, match=r"not numbers in \[0, 1\]"):
            selective_search(torch.full((3, 9, 9), value))
    with pytest.raises(ValueError, match=r"space must be one of 'rgb', 'hsv', 'lab', 'gray', not 'luv'"):
        selective_search(torch.zeros(3, 9, 9), spaces=["luv"])


@pytest.mark.parametrize(
    "searching",
    [
        lambda measures: similarity(region(4, (0, 0, 2, 2)), region(4, (2, 0, 4, 2)), 8, measures),
        lambda measures: group([region(8, (0, 0, 4, 2))], set(), 8, measures),
        lambda measures: selective_search(torch.zeros(3, 9, 9), measures=[measures]),
    ],
)
def test_a_measure_that_there_is_not_is_refused(searching):
    with pytest.raises(ValueError, match=r"letter of measures must be one of 'c', 't', 's', 'f', not 'x'"):
        searching("ctx")
