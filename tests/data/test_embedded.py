"""The composed data set (N3, R3): the same bytes for ever, balanced labels, and splits that keep what they promise."""

import hashlib

import numpy as np
import pytest

from cnncourse.data import atlas, embedded, sheets

# Of the first 200 images and labels of each split. When one of these changes on purpose, VERSION must change too.
SHA256 = {
    "train": "5d5de7bbe69e0cff1d67b9a81fc89b2e4a3c3ecaf23ba2c8ca92496618ed2b73",
    "test": "d4543e762c3b7df9a34a7e4324c2ee93273715e0b3efd993c9feff81b8852f86",
    "unseen_drawings": "c613e8dcdc3659e5428b8a7145f6fcef9537d564ee16fe9402926d320e4c123f",
    "unseen_style": "a502b311888f4796ac8eb8b51f2bef10bb104c55524eb454c725c40a84c553be",
}


@pytest.mark.parametrize("split", embedded.SPLITS)
def test_n3_the_bytes_of_a_split_are_those_of_this_version(split):
    images, labels = embedded.compose_range(split, 0, 200)
    assert images.shape == (200, 32, 32, 3) and images.dtype == np.uint8
    assert labels.shape == (200,) and labels.dtype == np.int64
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == SHA256[split], embedded.VERSION


@pytest.mark.parametrize("split", embedded.SPLITS)
def test_an_image_made_alone_is_the_image_of_the_batch(split):
    images, labels = embedded.compose_range(split, 1230, 1260)
    for place in (17, 3, 29):  # in another order
        assert np.array_equal(embedded.compose(split, 1230 + place), images[place])
        assert embedded.label(split, 1230 + place) == labels[place]


@pytest.mark.parametrize("split", ["train", "test", "unseen_style"])
def test_labels_are_balanced_in_every_hundred_and_shuffled(split):
    labels = np.array([embedded.label(split, i) for i in range(500)])
    for block in labels.reshape(5, 100):
        assert np.array_equal(np.bincount(block, minlength=10), [10] * 10)
        assert (np.diff(block) != 0).mean() > 0.7
    assert len({block.tobytes() for block in labels.reshape(5, 100)}) == 5


def test_unseen_drawings_come_from_the_classes_with_three_drawings_or_more():
    lending = {name for name in embedded.CLASSES if embedded.drawings_of("unseen_drawings", name)}
    has_three = {n for n in embedded.CLASSES if len(atlas.drawings()[embedded.name_in_atlas(n)]) >= 3}
    assert lending == has_three
    labels = [embedded.label("unseen_drawings", i) for i in range(embedded.SPLITS["unseen_drawings"])]
    counts = np.bincount(labels, minlength=10)
    assert {embedded.CLASSES[i] for i in np.flatnonzero(counts)} == lending
    assert np.ptp(counts[counts > 0]) <= 1


@pytest.mark.parametrize("name", embedded.CLASSES)
def test_what_a_class_lends_to_unseen_drawings_no_other_split_shows(name):
    everything = set(atlas.drawings()[embedded.name_in_atlas(name)])
    unseen = set(embedded.drawings_of("unseen_drawings", name))
    for split in ("train", "test", "unseen_style"):
        seen = set(embedded.drawings_of(split, name))
        assert seen == everything - unseen and seen


def used_in(split, monkeypatch, count=150):
    """Which (drawing, style) and which uses of photographs the first images of a split ask the atlas for."""
    drawings, uses = set(), set()
    plain_drawing, plain_photographs = atlas.drawing, atlas.photographs
    with monkeypatch.context() as patch:
        patch.setattr(atlas, "drawing", lambda *key: drawings.add(key) or plain_drawing(*key))
        patch.setattr(atlas, "photographs", lambda use: uses.add(use) or plain_photographs(use))
        embedded.compose_range(split, 0, count)
    return drawings, uses


def test_r3_the_splits_share_and_withhold_what_their_table_says(monkeypatch):
    train, uses = used_in("train", monkeypatch)
    assert uses == {"train"}
    assert {style for _, style in train} == set(embedded.SEEN_STYLES) == {"noto", "fluent"}
    unseen = {code for codes in embedded.UNSEEN_DRAWINGS.values() for code in codes}
    for split in ("test", "unseen_drawings", "unseen_style"):
        drawings, uses = used_in(split, monkeypatch)
        assert uses == {"test"}, split
        styles = {"twemoji"} if split == "unseen_style" else {"noto", "fluent"}
        assert {style for _, style in drawings} == styles, split
        assert {code for code, _ in drawings} <= unseen or split != "unseen_drawings"
        assert not {code for code, _ in drawings} & unseen or split == "unseen_drawings"


@pytest.mark.parametrize("name", embedded.STRENGTHS)
def test_r3_each_difficulty_can_be_turned_up_in_a_scene_alone(name):
    plain = dict.fromkeys(embedded.STRENGTHS, 0.0)
    scenes = range(8)
    before = np.array([embedded.compose("test", i, **plain) for i in scenes], int)
    distances = []
    for strength in (0.0, 0.4, 1.0):
        after = np.array([embedded.compose("test", i, **plain | {name: strength}) for i in scenes], int)
        distances.append(np.abs(after - before).sum())
    assert distances[0] == 0 < distances[1] < distances[2]


def test_wrong_names_and_numbers_are_refused():
    for ask in (
        lambda: embedded.compose("validation", 0),
        lambda: embedded.compose_range("validation", 0, 1),
        lambda: embedded.label("validation", 0),
        lambda: embedded.drawings_of("validation", "cat"),
        lambda: embedded.background("validation", embedded.Stream(0)),
        lambda: sheets.split_sheet("validation"),
        lambda: sheets.difficulty_sheet("validation"),
    ):
        with pytest.raises(
            ValueError, match=r"split.*'validation'.*train, test, unseen_drawings, unseen_style"
        ):
            ask()
    with pytest.raises(ValueError, match=r"class.*'boat'.*horse, ship, truck"):
        embedded.drawings_of("train", "boat")
    with pytest.raises(ValueError, match=r"images 0 to 9,999, not 10,000"):
        embedded.compose("test", 10_000)
    with pytest.raises(ValueError, match=r"blur.*illumination"):
        embedded.compose("test", 0, blur=0.5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        embedded.compose("test", 0, scale=2)
