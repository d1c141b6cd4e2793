"""N1, N2, N5, N6: nearest neighbours as they are read, against loops and scipy."""

import doctest
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from cnncourse.neighbors import plain
from cnncourse.neighbors.plain import (
    NearestNeighbor,
    as_rows,
    cross_validate_k,
    l1_distances,
    nearest,
    vote,
)

sys.path.insert(0, str(Path(__file__).parent))
from small_images import DISTANCES, INTEGERS, image_sets, loops, pixels, thorough


def test_the_examples_in_the_docstrings_hold():
    results = doctest.testmod(plain)
    assert results.attempted > 10
    assert results.failed == 0


@pytest.mark.parametrize("dtype", INTEGERS)
def test_rows_of_integers_are_wide_enough_to_subtract(dtype, device):
    images = np.array([[[0, 1], [1, 1]], [[1, 0], [0, 0]]], dtype=dtype)
    for rows in (as_rows(images), as_rows(torch.from_numpy(images).to(device)).cpu().numpy()):
        assert rows.dtype == np.int64
        assert rows.tolist() == [[0, 1, 1, 1], [1, 0, 0, 0]]


def test_rows_keep_floats_and_their_device(device):
    for dtype in (np.float16, np.float32, np.float64):
        assert as_rows(np.zeros((2, 3, 4), dtype)).dtype == dtype
    tensor = torch.zeros(2, 3, 4, dtype=torch.bfloat16, device=device)
    assert as_rows(tensor).dtype == torch.bfloat16 and as_rows(tensor).device == device


def test_no_images_are_no_rows():
    assert as_rows(np.zeros((0, 4, 4, 3), np.uint8)).shape == (0, 48)
    assert as_rows(np.zeros((5, 0), np.uint8)).shape == (5, 0)
    assert as_rows(np.zeros(5, np.uint8)).shape == (5, 1)


def test_bytes_do_not_wrap_around_n2(device):
    a, b = np.array([[10, 250]], np.uint8), np.array([[11, 5]], np.uint8)
    assert l1_distances(a, b) == 1 + 245
    assert l1_distances(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device)).item() == 1 + 245


@pytest.mark.parametrize("metric", DISTANCES)
@thorough
@given(sets=image_sets(dtypes=INTEGERS))
def test_distances_of_integers_are_those_of_two_loops(metric, device, sets):
    a, b = sets
    expected = loops(metric, a, b).astype(np.int64 if metric == "l1" else np.float64)
    got = DISTANCES[metric](a, b)
    assert got.dtype == expected.dtype and got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)
    tensor = DISTANCES[metric](torch.from_numpy(a).to(device), torch.from_numpy(b).to(device))
    assert tensor.device == device
    assert tensor.cpu().numpy().dtype == expected.dtype
    np.testing.assert_allclose(tensor.cpu().numpy(), expected, rtol=1e-15)


@pytest.mark.parametrize(("metric", "theirs"), [("l1", "cityblock"), ("l2", "euclidean")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distances_of_floats_are_scipys(metric, theirs, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 5, 6)).astype(dtype), rng.normal(size=(7, 5, 6)).astype(dtype)
    expected = cdist(a.reshape(4, 30), b.reshape(7, 30), theirs)
    for got in (DISTANCES[metric](a, b), DISTANCES[metric](torch.from_numpy(a), torch.from_numpy(b)).numpy()):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=1e-6 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("distances", DISTANCES.values())
def test_images_that_do_not_fit_each_other_are_an_error(distances):
    with pytest.raises(ValueError, match=r"12 and of 27"):
        distances(np.zeros((2, 2, 2, 3)), np.zeros((2, 3, 3, 3)))
    with pytest.raises(TypeError):
        distances(np.zeros((2, 3)), torch.zeros(2, 3))
    with pytest.raises(TypeError):
        distances(torch.zeros(2, 3), np.zeros((2, 3)))


@thorough
@given(
    distances=hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2), elements=st.integers(0, 3)),
    data=st.data(),
)
def test_nearest_are_sorted_by_distance_and_then_by_index(device, distances, data):
    k = data.draw(st.integers(1, distances.shape[1]))
    by_hand = [sorted(range(len(row)), key=lambda j, row=row: (row[j], j))[:k] for row in distances.tolist()]
    indices, values = nearest(distances, k)
    assert indices.dtype == np.int64 and values.dtype == distances.dtype
    assert indices.tolist() == by_hand
    assert values.tolist() == [
        [row[j] for j in some] for row, some in zip(distances.tolist(), by_hand, strict=True)
    ]
    indices, values = nearest(torch.from_numpy(distances).to(device), k)
    assert indices.dtype == torch.int64 and indices.device == values.device == device
    assert indices.tolist() == by_hand


@pytest.mark.parametrize("k", [0, -1, 4])
def test_nearest_refuses_a_k_that_does_not_exist(k):
    with pytest.raises(ValueError, match=f"k is {k}, but there are 3"):
        nearest(np.zeros((2, 3)), k)


@thorough
@given(
    labels=hnp.arrays(
        np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.integers(-1, 3)
    )
)
def test_the_most_frequent_label_wins_and_of_those_the_nearest(device, labels):
    winners = []
    for row in labels.tolist():
        votes = Counter(row)
        winners.append(next(label for label in row if votes[label] == max(votes.values())))
    assert vote(labels).tolist() == winners
    tensor = vote(torch.from_numpy(labels).to(device))
    assert tensor.device == device and tensor.tolist() == winners


def test_the_lectures_classifier_remembers_and_copies_the_nearest_label_n1(device):
    train, labels, test = pixels(20, 2, 2, 3), np.arange(20) % 7, pixels(9, 2, 2, 3, seed=1)
    expected = [labels[min(range(20), key=lambda j, p=p: loops("l1", [p], train)[0, j])] for p in test]
    ours = NearestNeighbor()
    assert ours.train(train, labels) is None
    assert ours.images is train and ours.labels is labels
    assert ours.predict(test).tolist() == expected
    ours.train(torch.from_numpy(train).to(device), torch.from_numpy(labels).to(device))
    assert ours.predict(torch.from_numpy(test).to(device)).tolist() == expected


def test_held_out_folds_are_classified_by_the_others_n6(device):
    images, labels, ks, folds = pixels(17, 3, largest=4), np.arange(17) % 3, [1, 2, 5], 4
    expected = np.empty((3, 4))
    for f, held_out in enumerate(np.array_split(range(17), folds)):
        rest = [n for n in range(17) if n not in held_out]
        for i, k in enumerate(ks):
            right = 0
            for n in held_out:
                near = sorted(rest, key=lambda j, n=n: (loops("l1", images[[n]], images[[j]])[0, 0], j))[:k]
                votes = Counter(labels[near].tolist())
                best = next(label for label in labels[near] if votes[label] == max(votes.values()))
                right += best == labels[n]
            expected[i, f] = right / len(held_out)
    got = cross_validate_k(images, labels, ks, folds)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, expected)
    tensors = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
    np.testing.assert_array_equal(cross_validate_k(*tensors, ks, folds), expected)
    assert cross_validate_k(images, labels, ks).shape == (3, 5)


@pytest.mark.parametrize(("ks", "folds"), [([1], 1), ([1], 7), ([0], 3), ([5], 3)])
def test_validation_refuses_what_cannot_be_cut_or_asked(ks, folds):
    with pytest.raises(ValueError):
        cross_validate_k(np.zeros((6, 2)), np.zeros(6), ks, folds)
