"""The difficulties of recognition (R3) and the copies at one distance (N5)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncourse.data import difficulties, embedded

PLAIN = dict.fromkeys(embedded.STRENGTHS, 0.0)
each_transform = pytest.mark.parametrize(
    "transform", difficulties.TRANSFORMS.values(), ids=lambda f: f.__name__
)


@pytest.fixture(scope="module")
def image():
    return embedded.compose("test", 5, **PLAIN)


def l1(a, b):
    return sum(abs(int(x) - int(y)) for x, y in zip(a.ravel(), b.ravel(), strict=True))


def test_every_difficulty_of_the_lecture_that_one_image_can_show_is_there_by_name():
    names = ["illumination", "scale", "rotation", "deformation", "occlusion", "clutter"]
    assert list(difficulties.TRANSFORMS) == names
    assert set(embedded.STRENGTHS) == set(names)


@each_transform
def test_strength_zero_gives_the_image_back(transform, image):
    assert np.array_equal(transform(image, 0.0, seed=3), image)


@each_transform
def test_images_of_any_shape_keep_it_and_the_original_is_untouched(transform):
    image = np.random.default_rng(0).integers(0, 256, (20, 33, 3), dtype=np.uint8)
    before = image.copy()
    changed = transform(image, 1.0, seed=1)
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert not np.array_equal(changed, image)
    assert np.array_equal(image, before)


@each_transform
def test_a_stronger_difficulty_takes_the_image_farther_from_the_original(transform, image):
    distances = [
        np.mean([l1(image, transform(image, strength, seed)) for seed in range(12)])
        for strength in (0.0, 0.3, 1.0)
    ]
    assert distances == sorted(distances) and distances[0] < distances[1] < distances[2]


@each_transform
def test_the_seed_decides_everything(transform, image):
    assert np.array_equal(transform(image, 0.8, seed=5), transform(image, 0.8, seed=5))
    assert len({transform(image, 0.8, seed).tobytes() for seed in range(8)}) > 1


@each_transform
@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_zero_to_one_is_refused(transform, image, strength):
    with pytest.raises(ValueError, match="between 0 and 1"):
        transform(image, strength)


def test_something_that_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="float64"):
        difficulties.scale(image / 255, 0.5)
    with pytest.raises(ValueError, match=r"\[32, 32\]"):
        difficulties.illumination(image[..., 0], 0.5)


def test_rotation_at_full_strength_is_a_quarter_turn(image):
    turns = {difficulties.rotation(image, 1.0, seed).tobytes() for seed in range(12)}
    assert turns == {np.rot90(image).tobytes(), np.rot90(image, -1).tobytes()}


def test_occlusion_at_full_strength_covers_sixty_percent_and_changes_nothing_else():
    image = np.full((64, 64, 3), 7, np.uint8)
    for seed in range(10):
        changed = (difficulties.occlusion(image, 1.0, seed) != image).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        box = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert 0.57 < box / 64**2 <= 0.6


def test_a_stronger_occlusion_hides_what_a_weaker_one_hid(image):
    for seed in range(10):
        weak, strong = (difficulties.occlusion(image, s, seed) != image for s in (0.2, 0.9))
        assert weak.any(2).sum() < strong.any(2).sum()
        # A pixel may by chance have the occluder's colour.
        assert (weak.any(2) & ~strong.any(2)).sum() <= 30


def test_clutter_leaves_the_middle_alone():
    image = np.full((64, 64, 3), 7, np.uint8)
    for seed in range(10):
        changed = (difficulties.clutter(image, 1.0, seed) != image).any(2)
        assert changed.any() and not changed[28:36, 28:36].any()


def test_scale_at_full_strength_shows_less_or_shrinks_to_two_fifths():
    image = np.zeros((50, 50, 3), np.uint8)
    image[15:35, 15:35] = 255  # 20 pixels wide
    widths = {int((difficulties.scale(image, 1.0, seed)[25, :, 0] > 127).sum()) for seed in range(12)}
    assert widths == {8, 32}


def test_illumination_moves_no_edge():
    image = np.full((32, 32, 3), 100, np.uint8)
    image[:, 16:] = 200
    for seed in range(6):
        lit = difficulties.illumination(image, 1.0, seed).astype(int)
        steps = np.abs(np.diff(lit, axis=1))
        assert steps[:, 15].min() > steps[:, :15].max()


@pytest.mark.parametrize("index", range(20))
def test_n5_three_copies_lie_at_exactly_the_same_distance(index):
    image = embedded.compose("test", index)
    copies = difficulties.copies_at_equal_distance(image)
    assert list(copies) == ["shifted", "occluded", "darkened"]
    distance = l1(image, copies["shifted"])
    assert distance > 0
    assert {name: l1(image, copy) for name, copy in copies.items()} == dict.fromkeys(copies, distance)
    assert all(copy.dtype == np.uint8 and copy.shape == image.shape for copy in copies.values())


def test_n5_the_copies_are_what_they_are_called():
    image = embedded.compose("test", 1)
    copies = difficulties.copies_at_equal_distance(image, right=2, down=1)
    assert np.array_equal(copies["shifted"][1:, 2:], image[:-1, :-2])
    assert (copies["darkened"] <= image).all()
    changed = (copies["occluded"] != image).any(axis=2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    patch = copies["occluded"][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(int)
    assert len(rows) == len(columns) < 32
    assert np.ptp(patch) <= 1  # one grey, to a unit
    # Darkened by one factor, to a unit.
    bright = image > 100
    assert np.ptp(copies["darkened"][bright] / image[bright]) < 2 / 100


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 255), st.integers(1, 255))
def test_n5_the_distances_are_equal_or_the_error_says_why(seed, base, spread):
    rng = np.random.default_rng(seed)
    image = np.clip(base + rng.integers(-spread, spread, (8, 9, 3)), 0, 255).astype(np.uint8)
    try:
        copies = difficulties.copies_at_equal_distance(image)
    except ValueError as error:
        assert "hifting changes" in str(error)
    else:
        assert len({l1(image, copy) for copy in copies.values()}) == 1


def test_n5_a_constant_image_is_refused():
    with pytest.raises(ValueError, match="constant"):
        difficulties.copies_at_equal_distance(np.full((8, 8, 3), 90, np.uint8))


def test_n5_an_image_too_dark_to_be_darkened_as_much_is_refused():
    image = np.zeros((8, 8, 3), np.uint8)
    image[3, 3] = 200  # shifting counts it twice, black once
    with pytest.raises(ValueError, match="black by only 600"):
        difficulties.copies_at_equal_distance(image)
