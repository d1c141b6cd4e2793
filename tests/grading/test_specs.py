"""What may come back: exact types, and messages in a student's words."""

import numpy as np
import pytest
import torch

from cnncourse.grading import array, boolean, handle, mapping, nothing, number, sequence, string
from cnncourse.grading.compare import Failure
from cnncourse.grading.seam import Ref
from cnncourse.grading.specs import check

FINE = [
    (array("numpy", ("int64",), (2, None)), np.zeros((2, 5), np.int64)),
    (array("torch", ("float32", "float64"), (3,), device="cpu"), torch.zeros(3)),
    (array(finite=False), np.array([np.nan])),
    (array(), np.array([True])),
    (number(), 3),
    (number(float), np.float32(0.5)),
    (number(int), 2**2000),
    (boolean(), True),
    (boolean(), np.bool_(False)),
    (string(), "text"),
    (nothing(), None),
    (sequence(number(), string()), (1, "a")),
    (sequence(of=number()), [1, 2, 3]),
    (mapping({"a": number()}), {"a": 1}),
    (mapping(of=array("torch")), {"weight": torch.zeros(2)}),
    (handle("Model"), Ref(0, "Model")),
    ((array(), number()), (np.zeros(2), 1)),
]

WRONG = [
    (array("numpy", ("int64",)), np.zeros(2), "f returned an array of float64, expected int64"),
    (array(shape=(3, 2)), np.zeros((2, 3)), "shape (2, 3), expected (3, 2): rows and columns are swapped"),
    (
        array(shape=(3,)),
        np.zeros((3, 1)),
        "shape (3, 1), expected (3,): there is an axis of length 1 too many",
    ),
    (array(shape=(None, 4)), np.zeros(3), "shape (3,), expected (any, 4)"),
    (array(), np.array([[1, 2], [3, np.nan]]), "contain NaN at [1, 1]"),
    (array(), np.array([1, np.inf]), "contain infinity at [1]"),
    (array(), torch.zeros(2), "a torch tensor of float32 of shape (2,), expected a numpy array"),
    (array("torch"), np.zeros(2), "a numpy array of float64 of shape (2,), expected a torch tensor"),
    (
        array("torch", device="cuda"),
        torch.zeros(2),
        "a tensor on 'cpu', expected 'cuda', where its inputs are",
    ),
    (array(), None, "nothing (None), expected a numpy array. Is the `return` missing?"),
    (array(), [1, 2], "a list of 2 items, expected a numpy array"),
    (number(), True, "the boolean True, expected a number"),
    (number(int), 0.5, "the number 0.5, expected a whole number (int): `//` divides to a whole number"),
    (number(), float("nan"), "nan, expected a finite number"),
    (number(), np.array(1), "a numpy array of int64 of shape (), expected a number"),
    (number(float), torch.tensor(0.5), "expected a number (float): `.item()` takes the number out"),
    (boolean(), 1, "the whole number 1, expected True or False"),
    (nothing(), 0, "the whole number 0, expected nothing (None)"),
    (sequence(number(), number()), (1,), "1 value, expected 2"),
    (sequence(of=number()), (1, "a"), "f returned, as value 2 of 2, the string 'a', expected a number"),
    (mapping({"a": number()}), {"b": 1}, "a dictionary that lacks the key 'a', has a key 'b' too many"),
    (handle("Model"), Ref(0, "Other"), "an object of class Other, expected an object of class Model"),
    ((array(), number()), np.zeros(2), "a numpy array of float64 of shape (2,), expected 2 values (a tuple)"),
]


@pytest.mark.parametrize(("spec", "value"), FINE)
def test_the_right_kind_of_value_passes(spec, value):
    check(spec, value, "f returned")


@pytest.mark.parametrize(("spec", "value", "message"), WRONG, ids=[message for *_, message in WRONG])
def test_the_wrong_kind_of_value_fails_in_a_students_words(spec, value, message):
    with pytest.raises(Failure) as caught:
        check(spec, value, "f returned")
    assert message in str(caught.value)


def test_an_object_that_equals_everything_is_of_no_kind():
    class Everything(np.ndarray):
        def __eq__(self, other):
            return True

    for spec in (array(), number(), boolean(), string(), nothing(), sequence(), mapping(), handle()):
        with pytest.raises(Failure):
            check(spec, np.zeros(1).view(Everything), "f returned")


def test_a_subclass_of_a_number_a_text_or_a_tuple_is_not_taken_for_one():
    class Text(str):
        pass

    class Number(int):
        pass

    class Pair(tuple):
        pass

    with pytest.raises(Failure):
        check(number(), Number(3), "f returned")
    with pytest.raises(Failure):
        check(string(), Text("a"), "f returned")
    with pytest.raises(Failure):
        check(sequence(of=number()), Pair((1, 2)), "f returned")
