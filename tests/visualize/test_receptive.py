"""Receptive fields that grow, as pictures one steps through (A8)."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

from cnncourse.classification import vgg
from cnncourse.visualize.receptive import field_on_image, growing_field, growing_rows, seen_by_one

STACKS = {
    "three 3x3": [(3, 1, 1)] * 3,
    "one 7x7": [(7, 1, 3)],
    "with a pooling": [(3, 1, 1), (3, 1, 1), (2, 2, 0), (3, 1, 1)],
    "AlexNet's beginning": [(11, 4, 2), (3, 2, 0), (5, 1, 2)],
}


def pictures(html) -> list[ElementTree.Element]:
    """The frames, their elements without the namespace."""
    found = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", html.data)
    return [
        ElementTree.fromstring(base64.b64decode(one).replace(b' xmlns="http://www.w3.org/2000/svg"', b""))
        for one in found
    ]


def moving(html) -> list[ElementTree.Element]:
    """What stands in each frame alone."""
    return [next(g for g in picture.iter("g") if g.get("class") == "moving") for picture in pictures(html)]


def sentences(html) -> list[str]:
    return re.findall(r"<li>(.*?)</li>", html.data)


def pixels_with_a_gradient(layers) -> list[int]:
    """The slow way: differentiate one value in the middle of a long row by every pixel."""
    row = torch.ones(1, 1, 401, requires_grad=True)
    x = row
    for kernel, stride, padding in layers:
        x = nn.functional.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding)
    x[0, 0, x.shape[-1] // 2].backward()
    return row.grad[0, 0].nonzero().flatten().tolist()


@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_what_one_value_sees_are_the_pixels_that_it_has_a_gradient_for(layers):
    (low, high), *_ = seen_by_one(layers)
    pixels = pixels_with_a_gradient(layers)
    assert pixels == list(range(pixels[0], pixels[0] + high - low + 1))


def test_the_positions_of_every_map_on_the_way_are_listed():
    assert seen_by_one([(3, 1, 1)] * 3) == [(-3, 3), (-2, 2), (-1, 1), (0, 0)]
    assert seen_by_one([(3, 1, 1), (2, 2, 0)]) == [(-1, 2), (0, 1), (0, 0)]


@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_each_picture_marks_as_many_pixels_as_its_layer_sees(layers):
    marked = [len(frame.find("g").findall("rect")) for frame in moving(growing_field(layers))]
    assert marked == [len(pixels_with_a_gradient(layers[:k])) for k in range(1, len(layers) + 1)]


@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_what_is_marked_lies_in_the_drawing_on_a_value_of_its_map(layers):
    whole = pictures(growing_field(layers))[0]
    rows = [row for row in whole.findall("g") if row.get("class") != "moving"]
    cells = {(rect.get("x"), rect.get("y")) for row in rows for rect in row.findall("rect")}
    for frame in moving(growing_field(layers)):
        assert {(rect.get("x"), rect.get("y")) for rect in frame.iter("rect")} <= cells


def middle(row: ElementTree.Element) -> float:
    cells = row.findall("rect")
    return (float(cells[0].get("x")) + float(cells[-1].get("x")) + float(cells[-1].get("width"))) / 2


@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_a_value_stands_above_the_middle_of_all_that_it_sees(layers):
    for frame in moving(growing_field(layers)):
        middles = [middle(row) for row in frame.findall("g")]
        assert np.ptp([middles[0], middles[-1]]) < 1


def test_every_frame_tells_all_numbers_and_the_sentences_tell_them_again():
    html = growing_field(STACKS["three 3x3"])
    for picture in pictures(html):
        assert {"sees 3", "sees 5", "sees 7"} <= {text.text for text in picture.findall("text")}
    assert sentences(html) == [
        f"Behind layer {k}: 3×3 one value sees {size} pixels." for k, size in ((1, 3), (2, 5), (3, 7))
    ]


@pytest.fixture(scope="module")
def small():
    return vgg([(4, 2), (8, 1)], input_size=16, hidden=(4,), classes=2)


def test_a_network_s_rows_are_those_that_see_more(small):
    assert growing_rows(small, 16) == [
        ("conv 1", 3),
        ("conv 2", 5),
        ("pool 1", 6),
        ("conv 3", 10),
        ("pool 2", 12),
        ("fc 1", 24),
    ]


def test_squares_on_the_image_are_to_scale(small):
    picture = field_on_image(small, np.zeros((16, 16, 3), np.uint8))
    side = float(pictures(picture)[0].find("image").get("width"))
    sides = [float(frame.findall("rect")[-1].get("width")) for frame in moving(picture)]
    assert np.allclose(np.array(sides) / side * 16, [3, 5, 6, 10, 12, 24], atol=0.2)


def test_nothing_comes_from_elsewhere_and_nothing_is_run(small):
    for picture in (growing_field(STACKS["one 7x7"]), field_on_image(small, np.zeros((16, 16, 3), np.uint8))):
        assert "http" not in picture.data and "<script" not in picture.data


def test_a_network_s_sentences_say_what_its_layers_see(small):
    html = field_on_image(small, np.zeros((16, 16, 3), np.uint8))
    assert sentences(html) == [
        f"{name} sees a square of {size} pixels." for name, size in growing_rows(small, 16)
    ]
