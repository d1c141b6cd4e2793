import io

import numpy as np
from PIL import Image

from cnncourse.visualize.figures import RIGHT, WRONG, image_grid


def drawn(figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return np.asarray(Image.open(buffer).convert("RGB"))


def test_every_image_of_a_grid_is_drawn_in_its_place():
    images = np.zeros((2, 3, 4, 4, 3), np.uint8)
    images[0, 0, ..., 0] = images[1, 2, ..., 2] = 255
    picture = drawn(image_grid(images))
    for colour, row, column in (((255, 0, 0), 0, 0), ((0, 0, 255), 1, 2)):
        where = np.argwhere((picture == colour).all(-1)).mean(0) / picture.shape[:2] * (2, 3)
        assert tuple(where.astype(int)) == (row, column)


def test_frames_tell_right_from_wrong_by_colour_and_by_line():
    axes = image_grid(np.zeros((1, 3, 2, 2)), right=np.array([[True, False]])).axes
    lines = [(axis.spines["top"].get_visible(), axis.spines["top"].get_linestyle()) for axis in axes]
    assert lines == [(False, "solid"), (True, "-"), (True, "--")]
    assert RIGHT != WRONG


def test_titles_stand_above_their_images():
    axes = image_grid(np.zeros((2, 2, 2, 2)), titles=[["a", "b"], ["c", "d"]]).axes
    assert [axis.get_title() for axis in axes] == ["a", "b", "c", "d"]
