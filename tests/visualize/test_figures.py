"""The shared figures: what a reader could not do without is on them."""

import numpy as np
import pytest

from cnncourse import visualize
from cnncourse.visualize.figure import GREEN, VERMILLION

GREY = np.full((4, 8, 8, 3), 128, np.uint8)


def texts(figure) -> list[str]:
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_a_figure_is_not_kept_by_pyplot_so_that_a_notebook_shows_it_once():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    visualize.image_grid(GREY)
    assert plt.get_fignums() == before


def test_every_image_of_a_grid_is_drawn_with_its_title_and_places_left_over_are_empty():
    figure = visualize.image_grid(GREY[:3], ["a", "b", "c"], columns=2)
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c", ""]
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 0]


def test_rows_and_columns_of_a_table_of_images_are_named():
    figure = visualize.labelled_grid([GREY[:2], GREY[2:]], ["dark", "bent"], ["0", "1"])
    assert [ax.get_ylabel() for ax in figure.axes] == ["dark", "", "bent", ""]
    assert [ax.get_title() for ax in figure.axes] == ["0", "1", "", ""]


def test_frames_tell_right_from_wrong_neighbours_by_colour_and_by_line_N4():
    figure = visualize.neighbors_figure(GREY[:1], [1], GREY[None, 1:3], [[1, 0]], ["cat", "dog"])
    asked, right, wrong = figure.axes
    assert asked.get_ylabel() == "dog"
    import matplotlib.colors as colors

    assert colors.to_hex(right.spines["left"].get_edgecolor()) == GREEN.lower()
    assert colors.to_hex(wrong.spines["left"].get_edgecolor()) == VERMILLION.lower()
    assert right.spines["left"].get_linestyle() != wrong.spines["left"].get_linestyle()


def test_the_numbers_beside_an_image_are_those_of_its_framed_window_R2():
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    figure = visualize.pixel_numbers(image, top=2, left=3, side=2, channel=1)
    assert texts(figure) == [str(image[y, x, 1]) for y in (2, 3) for x in (3, 4)]
    frame = figure.axes[0].patches[0]
    assert (frame.get_x(), frame.get_y(), frame.get_width()) == (2.5, 1.5, 2)


def test_curves_show_mean_and_range_of_repetitions():
    figure = visualize.curves([1, 2], {"a": np.array([[1.0, 3.0], [3.0, 5.0]])}, "k", "accuracy")
    (line,) = figure.axes[0].lines
    assert list(line.get_ydata()) == [2, 4]
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (1, 5)


def test_several_curves_differ_without_their_colours():
    figure = visualize.curves([1, 2], {"a": np.ones(2), "b": np.ones(2)}, "k", "accuracy")
    one, other = figure.axes[0].lines
    assert one.get_linestyle() != other.get_linestyle() and one.get_marker() != other.get_marker()


def test_bars_show_mean_and_every_repetition():
    figure = visualize.bars({"seen": [0.4, 0.6], "unseen": [0.2, 0.2]}, "accuracy")
    assert [round(bar.get_width(), 6) for bar in figure.axes[0].patches] == [0.5, 0.2]
    assert list(figure.axes[0].lines[0].get_xdata()) == [0.4, 0.6]


def test_a_box_is_drawn_along_the_edges_of_its_pixels_R1():
    figure = visualize.boxes_figure(GREY[0], [(0, 0, 8, 4)], ["cat"])
    for frame in figure.axes[0].patches:
        assert (frame.get_x(), frame.get_y()) == (-0.5, -0.5)
        assert (frame.get_width(), frame.get_height()) == (8, 4)
    assert texts(figure) == ["cat"]


def test_ten_named_classes_have_ten_colours():
    names = {number: str(number) for number in range(1, 11)}
    mask = np.arange(1, 11, dtype=np.uint8)[None]
    figure = visualize.mask_figure(np.zeros((1, 10, 3), np.uint8), mask, names=names)
    shown = figure.axes[0].images[0].get_array()[0]
    assert len({tuple(pixel) for pixel in shown.round(6).tolist()}) == 10


@pytest.mark.parametrize(("number", "same"), [(0, True), (1, False), (255, False)])
def test_a_mask_changes_the_pixels_of_things_alone_R1(number, same):
    mask = np.zeros((8, 8), np.uint8)
    mask[3, 3] = number
    shown = visualize.mask_figure(GREY[0], mask).axes[0].images[0].get_array()
    assert np.allclose(shown[3, 3], shown[0, 0]) == same
