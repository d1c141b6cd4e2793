"""Integer pictures: against slow oracles, and the promise that bytes never change."""

import math

import numpy as np
import pytest
from PIL import Image

from cnncourse.data.fixedpoint import (
    FULL_TURN,
    PIXEL,
    SINE,
    Stream,
    halve,
    paste,
    sample,
    smooth_field,
)


def image_of(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_a_stream_gives_the_numbers_it_gave_when_the_data_was_made():
    stream = Stream(1, 2, 3)
    assert [stream.between(0, 999) for _ in range(5)] == [765, 30, 526, 943, 450]
    assert Stream(1, 2, 3).integers(-5, 5, (2, 3)).tolist() == [[-3, 5, -1], [1, 1, -3]]


def test_streams_of_different_names_differ():
    names = [(0,), (1,), (0, 1), (0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0, 1), (2**63,)]
    assert len({Stream(*name).bits() for name in names}) == len(names)


def test_a_range_is_reached_at_both_ends_and_not_left():
    drawn = Stream(7).integers(3, 6, (1000,))
    assert set(drawn.tolist()) == {3, 4, 5, 6}


def test_shuffling_loses_nothing_and_moves_something():
    options = list(range(50))
    shuffled = Stream(3).shuffled(options)
    assert sorted(shuffled) == options and shuffled != options


def test_no_sine_is_so_near_a_tie_that_rounding_could_differ_between_machines():
    exact = [math.sin(2 * math.pi * step / FULL_TURN) * 2**14 for step in range(FULL_TURN)]
    assert min(abs(value % 1 - 0.5) for value in exact) > 1e-6
    assert all(abs(value - entry) < 0.5 for value, entry in zip(exact, SINE, strict=True))


def sample_slowly(image, y, x):
    """Bilinear interpolation in floating point on the image with its mirror images around it."""
    height, width = image.shape[:2]
    wide = np.pad(image, ((height, height), (width, width), (0, 0)), mode="symmetric").astype(float)
    y, x = y / PIXEL + height, x / PIXEL + width
    top, left = math.floor(y), math.floor(x)
    fy, fx = y - top, x - left
    upper = wide[top, left] * (1 - fx) + wide[top, left + 1] * fx
    lower = wide[top + 1, left] * (1 - fx) + wide[top + 1, left + 1] * fx
    return upper * (1 - fy) + lower * fy


def test_sampling_agrees_with_floating_point_interpolation_of_the_mirrored_image():
    image = image_of(5, 7)
    rng = np.random.default_rng(1)
    y, x = rng.integers(-4 * PIXEL, 8 * PIXEL, 40), rng.integers(-6 * PIXEL, 12 * PIXEL, 40)
    got = sample(image, y[:, None], x[:, None])[:, 0]
    expected = np.array([sample_slowly(image, *place) for place in zip(y, x, strict=True)])
    assert np.abs(got - expected).max() <= 0.5 + 1e-9


def test_halving_rounds_the_mean_of_every_two_by_two_pixels():
    image = image_of(6, 8)
    expected = image.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.array_equal(halve(image), np.floor(expected + 0.5))


def test_pasting_agrees_with_pillow_to_a_unit():
    image, drawing = image_of(16, 16), image_of(16, 16, 4, seed=1)
    plain = Image.fromarray(image).convert("RGBA")
    expected = np.array(Image.alpha_composite(plain, Image.fromarray(drawing)).convert("RGB"))
    premultiplied = drawing.copy()
    premultiplied[..., :3] = np.round(drawing[..., :3] / 255 * drawing[..., 3:])
    assert np.abs(paste(image, premultiplied).astype(int) - expected).max() <= 1


def test_pasting_something_transparent_changes_nothing_and_something_opaque_everything():
    image, drawing = image_of(4, 4), image_of(4, 4, 4)
    drawing[..., 3] = 255
    assert np.array_equal(paste(image, np.zeros((4, 4, 4), np.uint8)), image)
    assert np.array_equal(paste(image, drawing), drawing[..., :3])


@pytest.mark.parametrize("points", [2, 4, 9])
def test_a_smooth_field_meets_its_control_points_and_stays_between_them(points):
    control = np.random.default_rng(0).integers(-256, 257, (points, points))
    side = (points - 1) * 16 + 1  # every 16th place is a control point
    field = smooth_field(control, side, side)
    assert np.array_equal(field[::16, ::16], control)
    assert control.min() <= field.min() and field.max() <= control.max()
