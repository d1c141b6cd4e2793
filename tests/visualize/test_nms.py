"""Non-maximum suppression to step through: what is drawn is what `nms` decides (D0)."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from cnncourse.detection.boxes import box_iou
from cnncourse.detection.nms import nms
from cnncourse.visualize import nms as module
from cnncourse.visualize.figure import BLUE, GREEN, VERMILLION
from cnncourse.visualize.nms import nms_rounds, nms_steps

IMAGE = np.full((60, 60, 3), 128, np.uint8)


def detections(seed: int, count: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes that overlap much, scores with ties, the best first."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(0, 20, (count, 2), generator=generator).float()
    boxes = torch.cat((first, first + torch.randint(8, 30, (count, 2), generator=generator)), 1)
    scores = torch.randint(1, 8, (count,), generator=generator) / 10
    return boxes, scores.sort(descending=True).values


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_rounds_are_those_of_nms_and_every_box_goes_with_the_first_that_overlaps_it_too_much(seed, threshold):
    boxes, scores = detections(seed)
    rounds, iou = nms_rounds(boxes, scores, threshold), box_iou(boxes, boxes)
    kept = [best for best, _ in rounds]
    assert kept == nms(boxes, scores, threshold).tolist()
    assert sorted(kept + [number for _, gone in rounds for number in gone]) == list(range(len(boxes)))
    for place, (best, gone) in enumerate(rounds):
        for number in gone:
            assert number > best and iou[best, number] > threshold
            assert all(iou[earlier, number] <= threshold for earlier in kept[:place])


@pytest.fixture
def stepped(monkeypatch):
    """Frames, sentences and words of three boxes, two of them of one thing; handed over in another order."""
    monkeypatch.setattr(module, "steps", lambda *parts: parts)
    boxes = torch.tensor([[2.0, 2, 20, 20], [30, 30, 50, 50], [0, 0, 20, 20]])
    return nms_steps(IMAGE, boxes, torch.tensor([0.5, 0.7, 0.9]), 0.45)


def drawn(figure) -> dict[str, tuple[str, bool]]:
    """Of each box on the image its colour, and whether it is dashed."""
    names = [text.get_text() for text in figure.axes[0].texts]
    boxes = [one for one in figure.axes[0].patches if isinstance(one, Rectangle)][
        1::2
    ]  # above their white edges
    return {
        name: (to_hex(box.get_edgecolor()).upper(), box.get_linestyle() not in ("-", "solid"))
        for name, box in zip(names, boxes, strict=True)
    }


def test_each_round_keeps_the_best_and_lets_go_what_overlaps_it(stepped):
    waits, kept, goes = (BLUE, False), (GREEN, False), (VERMILLION, True)
    assert [drawn(frame) for frame in stepped[0]] == [
        {"A": waits, "B": waits, "C": waits},
        {"A": kept, "B": waits, "C": goes},
        {"A": kept, "B": kept},
        {"A": kept, "B": kept},
    ]


def test_scores_stand_over_the_bars_and_overlaps_with_the_box_just_kept_below(stepped):
    bars = [frame.axes[1] for frame in stepped[0]]
    assert all([text.get_text() for text in ax.texts] == ["0.90", "0.70", "0.50"] for ax in bars)
    assert [[bar.get_height() for bar in ax.patches] for ax in bars] == [pytest.approx([0.9, 0.7, 0.5])] * 4
    below = [[label.get_text().split("\n") for label in ax.get_xticklabels()] for ax in bars]
    assert below[1] == [["A", " "], ["B", "0.00"], ["C", "0.81"]]
    assert below[2] == [["A", " "], ["B", " "], ["C", " "]]


def test_the_sentences_say_what_is_kept_and_what_goes(stepped):
    assert stepped[1] == [
        "3 boxes of one class, the best first.",
        "Of the boxes that wait A is the best: it is kept. C goes, with an IoU above 0.45.",
        "Of the boxes that wait B is the best: it is kept. None of the others overlaps it by more than 0.45.",
        "None waits any more: 2 of 3 boxes are kept.",
    ]


@pytest.mark.parametrize("count", [0, 27])
def test_more_boxes_than_letters_or_none_are_refused(count):
    with pytest.raises(ValueError, match=f"1 to 26 boxes, got {count}"):
        nms_steps(IMAGE, torch.rand(count, 4), torch.rand(count), 0.5)
