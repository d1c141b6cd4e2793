"""assert_equal and assert_close: what passes, and what a Mismatch says."""

import numpy as np
import pytest
import torch

from cnncourse.grading.compare import Mismatch, assert_close, assert_equal


def mismatch(got, expected, compare=assert_equal, **options):
    with pytest.raises(Mismatch) as caught:
        compare(got, expected, **options)
    return caught.value


@pytest.mark.parametrize(
    "value",
    [
        3,
        2.5,
        True,
        "a",
        None,
        [1, (2, 3)],
        {"a": np.arange(3)},
        np.array([[1.0, np.nan]]),
        np.arange(0),
        10**400,
    ],
    ids=repr,
)
def test_a_value_equals_itself(value):
    assert_equal(value, value)


def test_arrays_of_numpy_and_torch_compare_by_their_values():
    assert_equal(torch.arange(4).reshape(2, 2), np.arange(4).reshape(2, 2))
    assert_equal(torch.tensor([1.5], dtype=torch.bfloat16), np.array([1.5]))


def test_a_mismatch_says_where_and_how_many():
    expected = np.arange(6).reshape(2, 3)
    got = expected.copy()
    got[1, 1:] = 0
    error = mismatch(got, expected)
    assert str(error) == "2 of 6 entries differ, the first at [1, 1]: got 0, expected 4"
    assert (error.where, error.different, error.total) == ((1, 1), 2, 6)


def test_a_difference_in_the_last_digits_is_not_rounded_away():
    assert str(mismatch(np.array([0.1 + 0.2]), np.array([0.3]))) == (
        "at [0]: got 0.30000000000000004, expected 0.3"
    )


def test_swapped_axes_are_named():
    expected = np.arange(6).reshape(2, 3)
    assert "rows and columns are swapped" in str(mismatch(expected.T, expected))
    square = np.arange(9).reshape(3, 3)
    assert "rows and columns swapped" in str(mismatch(square.T, square))


def test_close_allows_the_tolerance_and_no_more():
    assert_close(np.array([1.0 + 1e-6]), np.array([1.0]))
    mismatch(np.array([1.0 + 1e-4]), np.array([1.0]), assert_close)
    assert_close(1.01, 1.0, rtol=0.1)
    mismatch(1.2, 1.0, assert_close, rtol=0.1)


def test_close_tells_large_whole_numbers_apart():
    assert_close(np.array([2**60]), np.array([2**60]))
    mismatch(np.array([2**60 + 2**50]), np.array([2**60]), assert_close)


@pytest.mark.parametrize("got", [np.array([np.nan]), np.array([np.inf])], ids=["NaN", "infinity"])
def test_nan_and_infinity_are_close_to_no_number(got):
    mismatch(got, np.array([1.0]), assert_close)


def test_parts_of_tuples_and_dictionaries_are_named():
    assert str(mismatch((1, 2), (1, 3), what="the pair")) == "the pair[1]: got 2, expected 3"
    assert str(mismatch({"a": 1}, {"a": 2})) == "the result['a']: got 1, expected 2"
    assert "the keys ['a'], expected ['b']" in str(mismatch({"a": 1}, {"b": 1}))
    assert str(mismatch([1], (1, 2))) == "got 1 items, expected 2"


def test_true_is_not_taken_for_text_nor_nothing_for_zero():
    mismatch("True", True)
    mismatch(None, 0)
