"""The drawings and photographs that lie in the package."""

from pathlib import Path

import numpy as np
import pytest

from cnncourse.data import atlas

FOLDER = Path(atlas.__file__).parent


def test_every_class_of_cifar_and_voc_has_drawings_in_every_style():
    assert len(atlas.drawings()) == 23  # VOC's twenty; deer, frog and truck
    for name, codes in atlas.drawings().items():
        for code in codes:
            drawings = [atlas.drawing(code, style) for style in atlas.STYLES]
            for drawing in drawings:
                height, width, channels = drawing.shape
                assert channels == 4 and 20 < max(height, width) <= 64, (name, code)
                assert 0.1 < (drawing[..., 3] > 128).mean() <= 1, (name, code)
            assert len({drawing.tobytes() for drawing in drawings}) == len(atlas.STYLES), (name, code)


def test_no_two_drawings_are_the_same():
    for style in atlas.STYLES:
        codes = [code for codes in atlas.drawings().values() for code in codes]
        assert len({atlas.drawing(code, style).tobytes() for code in codes}) == len(codes) == 91


def test_colours_are_premultiplied_and_drawings_cut_to_what_is_visible():
    for code in ("1f438", "2708"):
        drawing = atlas.drawing(code, "fluent")
        assert (drawing[..., :3] <= drawing[..., 3:]).all()
        for edge in (drawing[0], drawing[-1], drawing[:, 0], drawing[:, -1]):
            assert edge[..., 3].max() > 8


def test_no_photograph_serves_training_and_testing():
    train, test = atlas.photographs("train"), atlas.photographs("test")
    assert len(train) >= 7 and len(test) >= 6
    assert not train.keys() & test.keys()
    assert not {p.tobytes() for p in train.values()} & {p.tobytes() for p in test.values()}
    assert all(min(p.shape[:2]) == 160 and p.shape[2] == 3 for p in (train | test).values())


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"use.*'validation'.*train, test"):
        atlas.photographs("validation")
    with pytest.raises(ValueError, match=r"style.*'openmoji'.*noto, twemoji, fluent"):
        atlas.drawing("1f438", "openmoji")
    with pytest.raises(ValueError, match=r"code '0'.*`drawings`"):
        atlas.drawing("0", "noto")


def test_what_the_cache_shares_cannot_be_written_into():
    with pytest.raises(ValueError, match="read-only"):
        atlas.drawing("1f438", "noto")[0, 0] = 1
    assert isinstance(atlas.photographs("test")["coins"], np.ndarray)


def test_every_file_is_attributed_and_all_of_them_stay_under_three_megabytes():
    text = (FOLDER / "ATTRIBUTIONS.md").read_text()
    files = [path for path in (FOLDER / "assets").rglob("*") if path.is_file()]
    for path in files:
        if path.suffix == ".png":
            assert f"{path.name}`" in text, path
    assert sum(path.stat().st_size for path in files) < 3_000_000


def test_the_attributions_say_for_each_photograph_what_it_serves():
    text = (FOLDER / "ATTRIBUTIONS.md").read_text()
    for use, word in (("train", "training"), ("test", "testing")):
        for name in atlas.photographs(use):
            row = next(line for line in text.splitlines() if line.startswith(f"| `{name}.png`"))
            assert row.rstrip(" |").endswith(word)
