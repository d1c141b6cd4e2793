"""Pictures one steps through: what is in the HTML, and what a browser makes of it."""

import base64
import io
import re
import shutil

import pytest
from PIL import Image

from cnncourse.visualize.figure import subplots
from cnncourse.visualize.steps import steps

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="{}"/></svg>'
FRAMES = [SVG.format(height) for height in (2, 4, 6)]
SENTENCES = ["First a <little>.", "Then more.", "Then most."]


def pictures(html) -> list[tuple[str, bytes]]:
    """The kind and the bytes of every frame."""
    found = re.findall(r'src="data:image/([a-z+]+);base64,([^"]+)"', html.data)
    return [(kind, base64.b64decode(data)) for kind, data in found]


def name(html) -> str:
    return re.match(r'<div id="([^"]+)"', html.data)[1]


def figure(value: float):
    figure, axes = subplots(1, 1, (2, 1))
    axes[0, 0].plot([0, value])
    return figure


def test_figures_become_pngs_and_svg_stays_what_it_is():
    (png, drawn), (svg, written) = pictures(steps([figure(1), FRAMES[0]], SENTENCES[:2], "Two"))
    assert (png, svg) == ("png", "svg+xml") and written.decode() == FRAMES[0]
    assert Image.open(io.BytesIO(drawn)).size == (320, 160)  # 160 dots an inch, nothing cut off


def test_every_frame_has_its_button_its_sentence_and_words_for_those_who_cannot_see_it():
    html = steps(FRAMES, SENTENCES, 'Growing "bars"').data
    assert re.findall(r'alt="([^"]+)"', html) == [
        f"Growing &quot;bars&quot;, step {k} of 3" for k in (1, 2, 3)
    ]
    assert re.findall(r"<li>(.*?)</li>", html) == ["First a &lt;little&gt;.", *SENTENCES[1:]]
    assert re.findall(r'aria-label="(Step [^"]+)"', html) == [f"Step {k} of 3" for k in (1, 2, 3)]
    assert html.count(" checked>") == 1


def test_the_same_content_has_the_same_name_and_other_content_another():
    same = [steps([figure(1), figure(2)], SENTENCES[:2], "A") for _ in range(2)]
    assert same[0].data == same[1].data
    others = [
        steps([figure(1), figure(3)], SENTENCES[:2], "A"),
        steps([figure(1), figure(2)], SENTENCES[1:], "A"),
        steps([figure(1), figure(2)], SENTENCES[:2], "B"),
    ]
    assert len({name(html) for html in [same[0], *others]}) == 4


def test_nothing_comes_from_elsewhere_and_nothing_is_run():
    html = steps(FRAMES, SENTENCES, "Three").data
    assert "http" not in html and "<script" not in html and "onclick" not in html


@pytest.mark.parametrize(
    ("frames", "sentences"), [(FRAMES, SENTENCES[:2]), (FRAMES[:2], SENTENCES), ([], [])]
)
def test_without_a_sentence_for_each_frame_there_is_no_picture(frames, sentences):
    with pytest.raises(ValueError, match="a sentence for each frame"):
        steps(frames, sentences, "Wrong")


# ------------------------------------------------------------------------------------------------- in a browser
@pytest.fixture(scope="module")
def page(tmp_path_factory):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("chromium is not installed")
    file = tmp_path_factory.mktemp("steps") / "two.html"
    two = steps(FRAMES, SENTENCES, "Three").data + steps(FRAMES[::-1], SENTENCES, "Three, backwards").data
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8>{two}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(file.as_uri())
        yield page
        browser.close()


@pytest.fixture
def fresh(page):
    page.emulate_media(media="screen", reduced_motion="no-preference")
    page.reload()
    return page


def shown(page, which: int = 0) -> tuple[list[bool], list[bool]]:
    """Which frames and which sentences of a picture are to be seen."""
    picture = page.locator(".steps").nth(which)
    return tuple([one.is_visible() for one in picture.locator(part).all()] for part in ("img", "li"))


def only(number: int) -> tuple[list[bool], list[bool]]:
    return tuple([number == k for k in (1, 2, 3)] for _ in range(2))


def test_the_first_frame_is_shown_and_a_click_shows_any_other(fresh):
    assert shown(fresh) == only(1)
    for number in (3, 2, 1):
        fresh.locator(".steps").first.get_by_text(str(number), exact=True).click()
        assert shown(fresh) == only(number)


def test_next_and_back_stand_where_there_is_a_neighbour(fresh):
    first = fresh.locator(".steps").first
    back, forth = (first.get_by_text(word).locator("visible=true") for word in ("back", "next"))
    assert back.count() == 0
    for number in (2, 3):
        forth.click()
        assert shown(fresh) == only(number)
    assert forth.count() == 0
    back.click()
    assert shown(fresh) == only(2)


def test_arrow_keys_step(fresh):
    fresh.keyboard.press("Tab")
    for key, number in (("ArrowRight", 2), ("ArrowDown", 3), ("ArrowLeft", 2)):
        fresh.keyboard.press(key)
        assert shown(fresh) == only(number)


def test_two_on_a_page_do_not_meet(fresh):
    fresh.locator(".steps").nth(1).get_by_text("3", exact=True).click()
    assert (shown(fresh), shown(fresh, 1)) == (only(1), only(3))


@pytest.mark.parametrize("media", [{"media": "print"}, {"media": "screen", "reduced_motion": "reduce"}])
def test_in_print_and_without_motion_the_last_frame_and_all_sentences_are_shown(fresh, media):
    fresh.locator(".steps").first.get_by_text("2", exact=True).click()
    fresh.emulate_media(**media)
    assert shown(fresh) == ([False, False, True], [True] * 3)
    assert not fresh.locator("input, label").locator("visible=true").count()


def test_the_page_below_does_not_move_when_one_steps(fresh):
    heights = set()
    for number in (1, 2, 3):
        fresh.locator(".steps").first.get_by_text(str(number), exact=True).click()
        heights.add(fresh.locator(".steps").first.bounding_box()["height"])
    assert len(heights) == 1
