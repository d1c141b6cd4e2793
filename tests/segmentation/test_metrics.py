"""S9's measures against a loop over pixels, scikit-learn and torchmetrics."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from torch.testing import assert_close
from torchmetrics.functional.classification import multiclass_accuracy

from cnncourse.segmentation.metrics import (
    confusion_matrix,
    frequency_weighted_iu,
    intersection_over_union,
    mean_accuracy,
    mean_iu,
    pixel_accuracy,
)

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def slow_measures(prediction, target, num_classes, ignore):
    """The four measures straight from their sentences, with sets of pixels."""
    pixels = [i for i, t in enumerate(target) if t != ignore]
    accuracies, unions, weighted = [], [], 0.0
    for c in range(num_classes):
        true = {i for i in pixels if target[i] == c}
        predicted = {i for i in pixels if prediction[i] == c}
        if true:
            accuracies.append(len(true & predicted) / len(true))
        if true | predicted:
            unions.append(len(true & predicted) / len(true | predicted))
            weighted += len(true) / len(pixels) * unions[-1]
    right = sum(prediction[i] == target[i] for i in pixels) / len(pixels)
    return right, sum(accuracies) / len(accuracies), sum(unions) / len(unions), weighted


@quick
@given(st.data(), st.integers(2, 5), st.integers(1, 30))
def test_s9_measures_are_those_of_the_definition(data, num_classes, count):
    prediction = data.draw(st.lists(st.integers(0, num_classes - 1), min_size=count, max_size=count))
    labels = st.sampled_from([*range(num_classes), 255])
    target = data.draw(st.lists(labels, min_size=count, max_size=count))
    if all(t == 255 for t in target):
        target[0] = 0
    matrix = confusion_matrix(torch.tensor(prediction), torch.tensor(target), num_classes)
    measures = [f(matrix).item() for f in (pixel_accuracy, mean_accuracy, mean_iu, frequency_weighted_iu)]
    assert measures == pytest.approx(slow_measures(prediction, target, num_classes, 255))
    kept = [i for i, t in enumerate(target) if t != 255]
    expected = sklearn_confusion_matrix(
        [target[i] for i in kept], [prediction[i] for i in kept], labels=range(num_classes)
    )
    assert matrix.tolist() == expected.tolist()


def test_s9_mean_accuracy_is_torchmetrics_macro_accuracy():
    generator = torch.Generator().manual_seed(0)
    prediction, target = (torch.randint(0, 4, (2, 9, 7), generator=generator) for _ in range(2))
    target[0, :3] = 255
    matrix = confusion_matrix(prediction, target.to(torch.uint8), 4)
    expected = multiclass_accuracy(prediction, target, 4, average="macro", ignore_index=255)
    assert_close(mean_accuracy(matrix).float(), expected)


def test_an_absent_class_is_left_out_and_a_falsely_predicted_one_counts_as_zero():
    target = torch.tensor([0, 0, 1, 1])
    matrix = confusion_matrix(torch.tensor([0, 0, 1, 2]), target, 4)
    unions = intersection_over_union(matrix)
    assert unions[:3].tolist() == [1, 0.5, 0] and math.isnan(unions[3])
    assert mean_iu(matrix).item() == 0.5
    assert mean_accuracy(matrix).item() == 0.75


def test_an_image_of_void_has_no_measures():
    matrix = confusion_matrix(torch.zeros(3, 3, dtype=int), torch.full((3, 3), 255), 2)
    for measure in (pixel_accuracy, mean_accuracy, mean_iu, frequency_weighted_iu):
        assert math.isnan(measure(matrix))


def test_matrices_add_up_over_images():
    generator = torch.Generator().manual_seed(1)
    prediction, target = (torch.randint(0, 3, (4, 5, 6), generator=generator) for _ in range(2))
    parts = sum(confusion_matrix(p, t, 3) for p, t in zip(prediction, target, strict=True))
    assert torch.equal(parts, confusion_matrix(prediction, target, 3))


def test_wrong_labels_are_named():
    with pytest.raises(ValueError, match="target holds class 7"):
        confusion_matrix(torch.tensor([0, 0]), torch.tensor([7, 255]), 3)
    with pytest.raises(ValueError, match="prediction holds class -1"):
        confusion_matrix(torch.tensor([-1, 9]), torch.tensor([1, 255]), 3)
    with pytest.raises(ValueError, match="shape"):
        confusion_matrix(torch.zeros(2, 2), torch.zeros(4), 3)
