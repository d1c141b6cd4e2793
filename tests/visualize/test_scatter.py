"""Scatter and add to step through: what is drawn is what the transposed convolution computes (S6)."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_hex

from cnncourse.visualize import scatter as module
from cnncourse.visualize.figure import ORANGE, VERMILLION
from cnncourse.visualize.scatter import scatter_steps, scattered

X, WEIGHT = torch.tensor([[1.0, 2, 0], [3, 4, 5]]), torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_after_each_value_the_output_is_torch_s_of_the_values_so_far(stride):
    outputs = scattered(X, WEIGHT, stride)
    assert len(outputs) == X.numel() + 1
    for number, output in enumerate(outputs):
        so_far = X.flatten().clone()
        so_far[number:] = 0
        expected = F.conv_transpose2d(so_far.view(1, 1, *X.shape), WEIGHT[None, None], stride=stride)
        assert torch.equal(output, expected[0, 0])


@pytest.fixture
def stepped(monkeypatch):
    monkeypatch.setattr(module, "steps", lambda *parts: parts)
    return scatter_steps(X, WEIGHT, 2)


def framed(ax, colour: str) -> list[tuple[float, float, float, float]]:
    """Left, top, width, height of the boxes of a colour."""
    boxes = [box for box in ax.patches if to_hex(box.get_edgecolor()).upper() == colour]
    return [(box.get_x(), box.get_y(), box.get_width(), box.get_height()) for box in boxes]


def test_the_output_shown_is_the_one_computed(stepped):
    for frame, output in zip(stepped[0], scattered(X, WEIGHT, 2), strict=True):
        texts = [text.get_text() for text in frame.axes[2].texts]
        assert texts == [f"{value:g}" for value in output.flatten().tolist()]


def test_a_value_and_the_place_of_its_copy_are_framed(stepped):
    for number, frame in enumerate(stepped[0][1:]):
        row, column = divmod(number, 3)
        assert framed(frame.axes[0], VERMILLION) == [(column - 0.5, row - 0.5, 1, 1)]
        assert framed(frame.axes[2], VERMILLION) == [(2 * column - 0.5, 2 * row - 0.5, 3, 3)]
    assert framed(stepped[0][0].axes[2], VERMILLION) == []


def test_what_is_dashed_are_the_cells_in_which_more_than_one_copy_lies(stepped):
    for number, frame in enumerate(stepped[0]):
        copies = np.zeros((5, 7), int)
        for row, column in [divmod(k, 3) for k in range(number)]:
            copies[2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += 1
        cells = {(round(y), round(x)) for x, y, _, _ in framed(frame.axes[2], ORANGE)}
        assert cells == {tuple(cell) for cell in np.argwhere(copies > 1).tolist()}


def test_the_sentences_say_where_a_copy_goes_and_how_much_of_it_meets_others(stepped):
    assert stepped[1][1] == "The value 1 puts 1 times the filter into rows 1 to 3, columns 1 to 3."
    assert stepped[1][-1] == (
        "The value 5 puts 5 times the filter into rows 3 to 5, columns 5 to 7. "
        "In 5 of these cells something is there already: they hold the sum."
    )


def test_numbers_that_are_not_whole_keep_their_point(monkeypatch):
    monkeypatch.setattr(module, "steps", lambda *parts: parts)
    frames, _, _ = scatter_steps(torch.ones(1, 1), torch.tensor([[0.25, 0.5]]), 1)
    assert [text.get_text() for text in frames[-1].axes[1].texts] == ["0.25", "0.5"]
