"""Receptive fields that grow, as pictures that move (A8)."""

import re
import shutil
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


def svg(picture) -> ElementTree.Element:
    return ElementTree.fromstring(re.search(r"<svg.*</svg>", picture.data, re.S)[0])


def frames(picture) -> list[ElementTree.Element]:
    return [group for group in svg(picture).iter("g") if "frame" in group.get("class", "").split()]


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
    marked = [len(frame.find("g").findall("rect")) for frame in frames(growing_field(layers))]
    assert marked == [len(pixels_with_a_gradient(layers[:k])) for k in range(1, len(layers) + 1)]


@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_what_is_marked_lies_in_the_drawing_on_a_value_of_its_map(layers):
    whole = svg(growing_field(layers))
    cells = {(rect.get("x"), rect.get("y")) for row in whole.findall("g") for rect in row.findall("rect")}
    for frame in frames(growing_field(layers)):
        assert {(rect.get("x"), rect.get("y")) for rect in frame.iter("rect")} <= cells


def middle(row: ElementTree.Element) -> float:
    cells = row.findall("rect")
    return (float(cells[0].get("x")) + float(cells[-1].get("x")) + float(cells[-1].get("width"))) / 2


@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
def test_a_value_stands_above_the_middle_of_all_that_it_sees(layers):
    for frame in frames(growing_field(layers)):
        middles = [middle(row) for row in frame.findall("g")]
        assert np.ptp([middles[0], middles[-1]]) < 1


def test_the_still_picture_and_its_words_tell_every_number():
    picture = growing_field(STACKS["three 3x3"])
    written = [text.text for text in svg(picture).findall("text")]
    assert {"sees 3", "sees 5", "sees 7"} <= set(written)
    for words in ("sees 3", "sees 5", "sees 7"):
        assert words in svg(picture).get("aria-label")
    last = frames(picture)[-1]
    assert [f.get("class") for f in frames(picture)].count("frame last") == 1
    assert last.get("class") == "frame last"


def test_pictures_follow_each_other_and_one_is_always_seen():
    delays = [
        float(re.search(r"delay: (\S+)s", frame.get("style"))[1])
        for frame in frames(growing_field(STACKS["three 3x3"], seconds=2))
    ]
    assert delays == [-6, -4, -2]
    assert "6s step-end infinite" in growing_field(STACKS["three 3x3"], seconds=2).data


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
    side = float(svg(picture).find("image").get("width"))
    sides = [float(frame.findall("rect")[-1].get("width")) for frame in frames(picture)]
    assert np.allclose(np.array(sides) / side * 16, [3, 5, 6, 10, 12, 24], atol=0.2)


def test_nothing_comes_from_elsewhere_and_nothing_is_run(small):
    for picture in (growing_field(STACKS["one 7x7"]), field_on_image(small, np.zeros((16, 16, 3), np.uint8))):
        assert "http" not in picture.data and "<script" not in picture.data


# ------------------------------------------------------------------------------------------------- in a browser
@pytest.fixture(scope="module")
def page(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("chromium is not installed")
    file = tmp_path_factory.mktemp("picture") / "picture.html"
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8>{growing_field(STACKS['three 3x3']).data}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(file.as_uri())
        yield page
        browser.close()


SHOWN = "() => [...document.querySelectorAll('.frame')].map(frame => +getComputedStyle(frame).opacity)"


def at(page, seconds: float) -> list[float]:
    page.evaluate(
        f"document.getAnimations().forEach(a => {{ a.pause(); a.currentTime = 7500 + {1000 * seconds} }})"
    )
    return page.evaluate(SHOWN)


def test_one_picture_after_the_other_is_shown(page):
    page.emulate_media(media="screen", reduced_motion="no-preference")
    page.reload()
    assert [at(page, seconds) for seconds in (1, 3, 6)] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("media", [{"media": "print"}, {"media": "screen", "reduced_motion": "reduce"}])
def test_the_last_stands_still_in_print_and_for_who_wants_no_motion(page, media):
    page.emulate_media(**media)
    page.reload()
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.evaluate(SHOWN) == [0, 0, 1]
    assert not page.locator("input").is_visible()


def test_it_can_be_stopped(page):
    page.emulate_media(media="screen", reduced_motion="no-preference")
    page.reload()
    page.get_by_label("stand still").check()
    assert set(page.evaluate("document.getAnimations().map(a => a.playState)")) == {"paused"}
