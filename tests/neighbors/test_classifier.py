"""The classifier's fast paths against the plain functions, and against scikit-learn's."""

import doctest
import os
import subprocess
import sys
from collections import Counter
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier as TheirClassifier

from cnncourse.neighbors import (
    KNeighborsClassifier,
    _fast,
    classifier,
    cross_validate_k,
    l1_distances,
    nearest,
    vote,
)

sys.path.insert(0, str(Path(__file__).parent))
from small_images import DISTANCES, INTEGERS, image_sets, loops, pixels, thorough


@pytest.fixture(params=("compiled", "in chunks"))
def path(request, monkeypatch):
    """The two ways the classifier goes with bytes in the L1 distance."""
    if request.param == "in chunks":
        monkeypatch.setattr(_fast, "kernel", lambda: None)
    elif not _fast.kernel():
        pytest.skip("numba is not installed")
    return request.param


def test_the_example_in_the_docstring_holds():
    results = doctest.testmod(classifier)
    assert results.attempted > 2
    assert results.failed == 0


@thorough
@given(sets=image_sets(largest=2), data=st.data())
def test_bytes_have_the_plain_answers_ties_included(path, sets, data):
    test, train = sets
    k = data.draw(st.integers(1, len(train)))
    indices, expected = nearest(l1_distances(test, train), k)
    labels = np.arange(len(train)) % 3
    classifier = KNeighborsClassifier(k).fit(train, labels)
    distances, found = classifier.kneighbors(test)
    assert found.dtype == distances.dtype == np.int64
    assert found.tolist() == indices.tolist()
    assert distances.tolist() == expected.tolist()
    assert classifier.predict(test).tolist() == vote(labels[indices]).tolist()


@pytest.mark.parametrize("metric", DISTANCES)
@thorough
@given(sets=image_sets(dtypes=(*INTEGERS, "float32", "float64")), data=st.data())
def test_every_type_has_the_plain_answers(metric, sets, data):
    test, train = sets
    k = data.draw(st.integers(1, len(train)))
    indices, expected = nearest(DISTANCES[metric](test, train), k)
    distances, found = KNeighborsClassifier(k, metric).fit(train, np.zeros(len(train))).kneighbors(test)
    assert distances.dtype == expected.dtype
    if train.dtype.kind == "f" and metric == "l2":  # torch and numpy round roots differently
        np.testing.assert_allclose(distances, expected, rtol=1e-6)
    else:
        assert found.tolist() == indices.tolist()
        assert distances.tolist() == expected.tolist()


@pytest.mark.parametrize("values", [1, 31, 32, 33, 100, 3072])
def test_the_kernel_takes_any_width(values):
    train, test = pixels(70, values), pixels(9, values, seed=1)
    indices, expected = nearest(l1_distances(test, train), 11)
    distances, found = KNeighborsClassifier(11).fit(train, np.zeros(70)).kneighbors(test)
    assert found.tolist() == indices.tolist() and distances.tolist() == expected.tolist()


@pytest.mark.parametrize("k", [1, 10, 700, 1100])
@pytest.mark.parametrize("threads", [1, 3])
def test_tiles_parts_and_chunks_join_without_a_seam(path, k, threads, monkeypatch):
    monkeypatch.setattr(_fast, "QUERIES", 4)
    monkeypatch.setattr(_fast, "CHUNK_BYTES", 4096)
    if path == "compiled":
        monkeypatch.setattr(_fast.kernel(), "TILE_BYTES", 300)
        monkeypatch.setattr(_fast.kernel(), "QUERIES_AT_ONCE", 6)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    train, test = pixels(1100, 5, largest=3), pixels(15, 5, largest=3, seed=1)
    indices, expected = nearest(l1_distances(test, train), k)
    distances, found = KNeighborsClassifier(k).fit(train, np.zeros(1100)).kneighbors(test)
    np.testing.assert_array_equal(found, indices)
    np.testing.assert_array_equal(distances, expected)


@pytest.mark.parametrize("metric", DISTANCES)
def test_a_view_of_any_layout_is_read_as_what_it_shows(path, metric):
    base = pixels(12, 6, 5, 3)
    frozen = base.copy()
    frozen.flags.writeable = False
    views = [
        base[::-1],
        base[:, :, ::-1],
        base.transpose(0, 3, 1, 2),
        base[:, ::2],
        np.asfortranarray(base),
        frozen,
    ]
    views.append(base.astype(">i2"))
    for view in views:
        expected = nearest(DISTANCES[metric](view.copy(), view.copy()), 3)
        distances, indices = KNeighborsClassifier(3, metric).fit(view, np.zeros(12)).kneighbors(view)
        np.testing.assert_array_equal(indices, expected[0])
        np.testing.assert_array_equal(distances, expected[1])


def test_sums_beyond_31_bits_are_exact(path):
    train = np.zeros((2, 9_000_000), np.uint8)
    train[1] = 255
    distances, indices = KNeighborsClassifier(2).fit(train, [0, 1]).kneighbors(train[1:])
    assert distances.tolist() == [[0, 255 * 9_000_000]] and indices.tolist() == [[1, 0]]


def test_images_too_wide_for_the_kernels_sums_take_the_other_path(monkeypatch):
    monkeypatch.setattr(_fast.kernel(), "MAX_VALUES", 10)
    monkeypatch.setattr(_fast.kernel(), "nearest_bytes", None)
    assert KNeighborsClassifier().fit(pixels(3, 11), [0, 1, 2]).predict(pixels(3, 11)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("bits", [8, 20, 28, 40, 60])
def test_large_integers_are_exact_or_refused(metric, bits):
    train = np.array([[0, 2**bits], [2**bits, 1], [2**bits + 1, 0]])
    classifier = KNeighborsClassifier(3, metric).fit(train, [0, 1, 2])
    if metric == "l2" and bits >= 40:
        with pytest.raises(ValueError, match="do not fit into 64 bits"):
            classifier.kneighbors(train)
    else:
        distances, indices = classifier.kneighbors(train)
        expected = loops(metric, train, train)
        assert indices.tolist() == expected.astype(float).argsort(stable=True).tolist() or metric == "l1"
        np.testing.assert_array_equal(
            distances, np.take_along_axis(expected, indices, 1).astype(distances.dtype)
        )
        assert (np.diff(distances) >= 0).all()


def test_half_precision_does_not_overflow():
    train = np.full((2, 3072), 255, np.float16)
    train[0] = 0
    distances, _ = KNeighborsClassifier(2).fit(train, [0, 1]).kneighbors(train[:1])
    assert distances.dtype == np.float32 and distances.tolist() == [[0, 255 * 3072]]
    tensor = torch.from_numpy(train).bfloat16()
    distances, _ = KNeighborsClassifier(2).fit(tensor, torch.tensor([0, 1])).kneighbors(tensor[:1])
    assert distances.tolist() == [[0, 255 * 3072]]


@pytest.mark.parametrize("metric", DISTANCES)
def test_images_of_a_million_floats_have_the_distances_of_float64(metric):
    train, test = (
        np.random.default_rng(0).random((3, 1_000_000), np.float32),
        np.zeros((1, 1_000_000), np.float32),
    )
    expected = DISTANCES[metric](test.astype(float), train.astype(float))[0]
    np.testing.assert_allclose(DISTANCES[metric](test, train)[0], expected, rtol=1e-6)
    distances, found = KNeighborsClassifier(3, metric).fit(train, [0, 1, 2]).kneighbors(test)
    assert distances.dtype == np.float32
    assert found[0].tolist() == expected.argsort().tolist()
    np.testing.assert_allclose(distances[0], np.sort(expected), rtol=1e-6)


@pytest.mark.parametrize(("metric", "theirs"), [("l1", "manhattan"), ("l2", "euclidean")])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_neighbours_are_scikit_learns_where_nothing_ties(metric, theirs, dtype):
    rng = np.random.default_rng(3)
    train, test = pixels(300, 200).astype(dtype), pixels(40, 200, seed=1).astype(dtype)
    labels = rng.integers(0, 4, 300)
    ours = KNeighborsClassifier(5, metric).fit(train, labels)
    reference = TheirClassifier(5, metric=theirs, algorithm="brute").fit(train.astype(float), labels)
    expected, indices = reference.kneighbors(test.astype(float), 6)
    untied = (np.diff(expected) > 0).all(1)
    assert untied.sum() > 30
    test, expected, indices = test[untied], expected[untied, :5], indices[untied, :5]
    distances, found = ours.kneighbors(test)
    assert found.tolist() == indices.tolist()
    np.testing.assert_allclose(distances, expected, rtol=1e-6)
    clear = [Counter(row).most_common(2) for row in labels[indices].tolist()]  # they break ties otherwise
    clear = np.array([len(c) == 1 or c[0][1] > c[1][1] for c in clear])
    assert clear.sum() > 10
    np.testing.assert_array_equal(ours.predict(test)[clear], reference.predict(test.astype(float))[clear])
    truth = rng.integers(0, 4, len(test))
    assert ours.score(test, truth) == (ours.predict(test) == truth).mean()


@pytest.mark.parametrize("metric", DISTANCES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int32, torch.float32])
def test_tensors_stay_on_their_device_and_have_the_same_answers(metric, dtype, device):
    train, test = (
        torch.from_numpy(pixels(50, 4, 3)).to(dtype),
        torch.from_numpy(pixels(8, 4, 3, seed=1)).to(dtype),
    )
    labels = torch.arange(50) % 6
    indices, expected = nearest(DISTANCES[metric](test, train), 7)
    classifier = KNeighborsClassifier(7, metric).fit(train.to(device), labels.to(device))
    distances, found = classifier.kneighbors(test.to(device))
    predicted = classifier.predict(test.to(device))
    assert distances.device == found.device == predicted.device == device
    assert distances.dtype == expected.dtype
    torch.testing.assert_close(distances.cpu(), expected)
    if metric == "l1":
        assert torch.equal(found.cpu(), indices)
    assert torch.equal(predicted.cpu(), vote(labels[found.cpu()]))
    assert classifier.score(test.to(device), predicted) == 1
    assert classifier.choose_k([1, 3], folds=4) in (1, 3)


def test_nothing_asked_is_nothing_answered(path):
    for none in (np.zeros((0, 12), np.uint8), torch.zeros(0, 12, dtype=torch.uint8)):
        some, labels = pixels(5, 2, 2, 3), np.arange(5)
        if isinstance(none, torch.Tensor):
            some, labels = torch.from_numpy(some), torch.from_numpy(labels)
        classifier = KNeighborsClassifier(2).fit(some, labels)
        distances, indices = classifier.kneighbors(none)
        assert distances.shape == indices.shape == (0, 2)
        assert classifier.predict(none).shape == (0,)


def test_the_best_k_is_chosen_on_held_out_folds_and_of_equals_the_smallest(path):
    images, labels = pixels(60, 6, largest=5), np.arange(60) % 3
    classifier = KNeighborsClassifier().fit(images, labels)
    best = classifier.choose_k([9, 5, 1, 3, 7], folds=6)
    accuracies = cross_validate_k(images, labels, [9, 5, 1, 3, 7], folds=6)
    np.testing.assert_array_equal(classifier.validation_accuracies_, accuracies)
    means = dict(zip([9, 5, 1, 3, 7], accuracies.mean(1), strict=True))
    assert best == classifier.n_neighbors == min(k for k in means if means[k] == max(means.values()))
    same = KNeighborsClassifier().fit(images, np.zeros(60))
    assert same.choose_k([5, 3, 4]) == 3
    for ks, folds in (([], 5), ([0], 5), ([49], 5), ([1], 1), ([1], 61)):
        with pytest.raises(ValueError):
            same.choose_k(ks, folds)


def test_many_neighbours_vote_without_comparing_all_at_once(monkeypatch):
    sizes = []
    monkeypatch.setattr(classifier, "vote", lambda labels: sizes.append(prod(labels.shape)) or vote(labels))
    images, labels = pixels(3000, 2), np.arange(3000) % 4
    assert KNeighborsClassifier(3000).fit(images, labels).predict(images[:5]).shape == (5,)
    assert len(sizes) == 5


def test_what_fit_learns_is_named_as_in_scikit_learn():
    classifier = KNeighborsClassifier().fit(pixels(4, 2, 2), ["b", "a", "b", "c"])
    assert classifier.classes_.tolist() == ["a", "b", "c"]
    assert (classifier.n_samples_fit_, classifier.n_features_in_) == (4, 4)
    assert classifier.predict(pixels(4, 2, 2)).tolist() == ["b", "a", "b", "c"]
    assert classifier.kneighbors(pixels(1, 4), n_neighbors=2)[0].shape == (1, 2)


METRIC = """metric is 'cosine': use "l1" or "l2\""""


def test_an_error_says_what_is_wrong(device):
    train, labels = pixels(4, 3), np.arange(4)
    fitted, changed = (KNeighborsClassifier().fit(train, labels) for _ in range(2))
    changed.metric = "cosine"
    tensors = KNeighborsClassifier().fit(
        torch.from_numpy(train).to(device), torch.from_numpy(labels).to(device)
    )
    for ask in (lambda c: c.predict(train), lambda c: c.score(train, labels), lambda c: c.choose_k([1])):
        with pytest.raises(NotFittedError, match="fit"):
            ask(KNeighborsClassifier())
    for error, text, do in (
        (ValueError, "one label each", lambda: KNeighborsClassifier().fit(train, labels[:3])),
        (ValueError, "one label each", lambda: KNeighborsClassifier().fit(train[:0], labels[:0])),
        (ValueError, "one label each", lambda: KNeighborsClassifier().fit(train, labels[:, None])),
        (ValueError, "single number", lambda: KNeighborsClassifier().fit(np.uint8(3), labels)),
        (TypeError, "type <U1", lambda: KNeighborsClassifier().fit(np.array(list("abcd")), labels)),
        (TypeError, "complex", lambda: KNeighborsClassifier().fit(train.astype(complex), labels)),
        (TypeError, "a tensor but", lambda: KNeighborsClassifier().fit(torch.from_numpy(train), labels)),
        (TypeError, "numpy array but", lambda: KNeighborsClassifier().fit(train, torch.from_numpy(labels))),
        (ValueError, "of 2 values, but training images of 3", lambda: fitted.predict(train[:, :2])),
        (TypeError, "a tensor but", lambda: fitted.predict(torch.from_numpy(train))),
        (TypeError, "a numpy array but", lambda: tensors.predict(train)),
        (ValueError, "n_neighbors is 5: expected 1 to 4", lambda: fitted.kneighbors(train, 5)),
        (ValueError, "n_neighbors is 0", lambda: fitted.kneighbors(train, 0)),
        (TypeError, "n_neighbors is 2.0", lambda: fitted.kneighbors(train, 2.0)),
        (TypeError, "n_neighbors is True", lambda: fitted.kneighbors(train, True)),
        (ValueError, METRIC, lambda: KNeighborsClassifier(1, "cosine").fit(train, labels)),
        (ValueError, METRIC, lambda: changed.predict(train)),
        (ValueError, METRIC, lambda: changed.choose_k([1])),
        (
            ValueError,
            "signed bits|compared exactly",
            lambda: fitted.predict(np.full((1, 3), 2**63, np.uint64)),
        ),
        (ValueError, "one label each", lambda: fitted.score(train, labels[:2])),
    ):
        with pytest.raises(error, match=text):
            do()


def test_images_on_two_devices_are_named(device):
    if device.type == "cpu":
        pytest.skip("needs another device than the CPU")
    here, labels = torch.from_numpy(pixels(4, 3)), torch.arange(4)
    with pytest.raises(ValueError, match="training images are on cpu but their labels on"):
        KNeighborsClassifier().fit(here, labels.to(device))
    with pytest.raises(ValueError, match="images are on cpu but the training images on"):
        KNeighborsClassifier().fit(here.to(device), labels.to(device)).predict(here)


# ------------------------------------------------------------------------------------------------ in a process
PROGRAM = """
import {first}
import numpy as np
from cnncourse.neighbors import _fast
from cnncourse.neighbors import KNeighborsClassifier, l1_distances, nearest
images = np.random.default_rng(0).integers(0, 3, (300, 40), dtype=np.uint8)
distances, indices = KNeighborsClassifier(9).fit(images, np.zeros(300)).kneighbors(images)
expected = nearest(l1_distances(images, images), 9)
assert (indices == expected[0]).all() and (distances == expected[1]).all()
assert bool(_fast.kernel()) == {compiled}
print("the same")
"""


def test_the_answers_are_the_same_where_numba_is_missing():
    assert run_python(PROGRAM.format(first="sys; sys.modules['numba'] = None", compiled=False)) == "the same"


def test_a_cache_that_cannot_be_written_is_done_without():
    program = PROGRAM.format(first="os", compiled=True)
    assert run_python(program, NUMBA_CACHE_DIR="/proc/nowhere") == "the same"


MEASURE = """
import resource
import numpy as np, torch
from cnncourse.neighbors import _fast
from cnncourse.neighbors import KNeighborsClassifier
torch.set_num_threads(1)
if not {compiled}:
    _fast.kernel = lambda: None
images = np.random.default_rng(0).integers(0, 256, (40000, 8), dtype=np.uint8)
classifier = KNeighborsClassifier(5).fit(images, np.zeros(40000))
classifier.kneighbors(images[:2])  # compiled, loaded, warm
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
classifier.kneighbors(images[:1000])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("compiled", "limit"), [(True, 30), (False, 100)])
def test_memory_stays_bounded(compiled, limit):
    """All distances at once would take 320 MB; what is used beyond the images, in MB, does not grow with them."""
    assert int(run_python(MEASURE.format(compiled=compiled))) < limit


def run_python(program, **environment):
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
