"""A classifier's guesses as bars (A1)."""

import numpy as np
import torch
from matplotlib.colors import to_hex

from cnncourse.visualize.figure import GREEN
from cnncourse.visualize.guesses import guesses_figure

IMAGES = np.zeros((2, 4, 4, 3), np.uint8)
PROBABILITIES = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])


def bars_of(figure) -> list[tuple[list[str], list[float], list[bool]]]:
    """Of every panel with bars: the names, the lengths, and which bars are marked as right."""
    panels = [ax for ax in figure.axes if ax.patches]
    return [
        (
            [text.get_text() for text in ax.texts[::2]],
            [round(bar.get_width(), 4) for bar in ax.patches],
            [
                to_hex(bar.get_facecolor()) == GREEN.lower() and bar.get_hatch() is not None
                for bar in ax.patches
            ],
        )
        for ax in panels
    ]


def test_the_most_probable_come_first_and_the_right_one_is_marked():
    figure = guesses_figure(IMAGES, [2, 1], PROBABILITIES, ["cat", "dog", "ship"], k=2)
    assert bars_of(figure) == [
        (["dog", "ship"], [0.7, 0.2], [False, True]),
        (["cat", "ship"], [0.5, 0.4], [False, False]),  # the right one is third: not among the two
    ]


def test_the_title_is_the_true_class_and_empty_places_stay_empty():
    figure = guesses_figure(IMAGES, [2, 1], PROBABILITIES, ["cat", "dog", "ship"], k=3, columns=3)
    assert [ax.get_title() for ax in figure.axes if ax.images] == ["ship", "dog"]
    assert sum(bool(ax.patches) for ax in figure.axes) == 2
