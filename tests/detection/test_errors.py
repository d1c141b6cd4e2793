"""Kinds of mistakes: one detection of each kind, and how many detections of a class count (D14, D15)."""

import torch

from cnncourse.detection.errors import KINDS, error_kinds

TARGET = {
    "boxes": torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40], [60, 60, 80, 80]]),
    "labels": torch.tensor([1, 1, 2]),
}


def found(*rows):
    """Detections of one image from (label, score, box)."""
    labels, scores, boxes = zip(*rows, strict=True)
    return {
        "labels": torch.tensor(labels),
        "scores": torch.tensor(scores),
        "boxes": torch.tensor(boxes).float(),
    }


def shares(*rows, targets=(TARGET,)):
    return error_kinds([found(*rows)], list(targets), 3)


def test_each_kind_by_an_example():
    # IoU 0.9 with the first object, 169 / 631 = 0.27 with the second.
    right, shifted = (0, 0, 10, 9), (27, 27, 47, 47)
    assert shares((1, 0.9, right), (1, 0.8, shifted)) == dict(zip(KINDS, (50, 50, 0, 0), strict=True))
    assert shares((2, 0.9, right))["other class"] == 100
    assert shares((2, 0.9, (90, 0, 95, 5)))["background"] == 100


def test_a_second_box_on_an_object_is_a_localization_error():
    assert shares((1, 0.9, (0, 0, 10, 9)), (1, 0.8, (0, 0, 10, 10)))["localization"] == 50


def test_only_as_many_of_a_class_count_as_there_are_objects_of_it_and_the_best_ones():
    nothing = (90, 0, 95, 5)
    assert shares((2, 0.2, nothing), (2, 0.9, (60, 60, 80, 80))) == dict(
        zip(KINDS, (100, 0, 0, 0), strict=True)
    )
    assert shares((2, 0.9, nothing), (2, 0.2, (60, 60, 80, 80)))["background"] == 100


def test_an_object_is_taken_in_its_own_image_only():
    one = found((1, 0.9, (0, 0, 10, 10)))
    alone = {"boxes": TARGET["boxes"][:1], "labels": TARGET["labels"][:1]}
    assert error_kinds([one, one], [alone, alone], 3)["correct"] == 100


def test_without_detections_and_without_objects_nothing_is_counted():
    empty = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "scores": torch.zeros(0),
    }
    assert set(error_kinds([empty], [TARGET], 3).values()) == {0}
    assert set(error_kinds([found((1, 0.9, (0, 0, 5, 5)))], [empty], 3).values()) == {0}
