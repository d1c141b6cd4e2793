"""Pictures in integers: random numbers, resampling and pasting with the same bytes on every machine.

Floating-point resampling may differ by a unit between processors and library versions; integers cannot.
Coordinates are counted in 1/256 of a pixel, from the centre of the top left pixel; gains and blending weights
in 1/256.
"""

import functools
import math

import numpy as np

PIXEL = 256  # one pixel, in coordinate units
FULL_TURN = 1024  # angles are counted in 1/1024 of a turn
# Rounded to 14 bits once. No entry lies near a tie, so a last-digit difference between mathematical libraries
# cannot change one (a test holds that).
SINE = [round(math.sin(2 * math.pi * step / FULL_TURN) * 2**14) for step in range(FULL_TURN)]


class Stream:
    """Random integers named by up to six integers; equal names give equal numbers with every numpy.

    numpy promises the raw output of its Philox generator, but not that of its distributions: the reduction to
    a range is therefore done here.
    """

    def __init__(self, *name: int):
        words = [int(word) % 2**64 for word in (*name, 0, 0, 0, 0, 0)[:5]]
        self._raw = np.random.Philox(key=words[:2], counter=[0, *words[2:]]).random_raw

    def bits(self) -> int:
        return int(self._raw())

    def between(self, low: int, high: int) -> int:
        """One integer in low..high, both included."""
        return low + int(self._raw()) % (high - low + 1)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Integers in low..high, both included: int64 [*shape]."""
        raw = self._raw(math.prod(shape)) % np.uint64(high - low + 1)
        return raw.astype(np.int64).reshape(shape) + low

    def choose(self, options):
        return options[self.between(0, len(options) - 1)]

    def shuffled(self, options) -> list:
        options = list(options)
        for last in range(len(options) - 1, 0, -1):
            other = self.between(0, last)
            options[last], options[other] = options[other], options[last]
        return options


def centred_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixel centres relative to the picture's middle: int64 y [H, 1] and x [1, W]."""
    y = np.arange(height, dtype=np.int64)[:, None] * PIXEL - (height - 1) * PIXEL // 2
    x = np.arange(width, dtype=np.int64)[None, :] * PIXEL - (width - 1) * PIXEL // 2
    return y, x


def rotate(y: np.ndarray, x: np.ndarray, angle: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates turned about the origin by angle / 1024 of a turn: int64 y [H, 1] and x [1, W] -> both [H, W]."""
    sine, cosine = SINE[angle % FULL_TURN], SINE[(angle + FULL_TURN // 4) % FULL_TURN]
    return (cosine * y + sine * x) >> 14, (cosine * x - sine * y) >> 14


def sample_centred(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The image at coordinates relative to its middle; beyond the border it is mirrored.

    Args:
        image: uint8 [H, W, C].
        y, x: as for `sample`.
    Returns:
        uint8 [h, w, C].
    """
    height, width = image.shape[:2]
    return sample(image, y + (height - 1) * PIXEL // 2, x + (width - 1) * PIXEL // 2)


def sample(image: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Bilinear interpolation; beyond its border the image is continued by its mirror image.

    Args:
        image: uint8 [H, W, C].
        y, x: integer coordinates that broadcast to [h, w], in 1/256 of a pixel.
    Returns:
        uint8 [h, w, C].
    """
    height, width = image.shape[:2]
    y0, x0 = y >> 8, x >> 8
    wy, wx = (y & 255).astype(np.int32)[..., None], (x & 255).astype(np.int32)[..., None]
    top, bottom = _mirror(y0, height) * width, _mirror(y0 + 1, height) * width
    left, right = _mirror(x0, width), _mirror(x0 + 1, width)
    pixels = image.reshape(-1, image.shape[2])
    upper = _blend(pixels, top + left, top + right, wx)
    lower = _blend(pixels, bottom + left, bottom + right, wx)
    return ((upper * (256 - wy) + lower * wy + 2**15) >> 16).astype(np.uint8)


def _blend(pixels: np.ndarray, first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """256 times the pixels [N, C] at `first`, moved by weight / 256 towards those at `second`: int32."""
    start = pixels.take(first, axis=0).astype(np.int32)
    return (start << 8) + (pixels.take(second, axis=0) - start) * weight


def _mirror(index: np.ndarray, size: int) -> np.ndarray:
    index = index % (2 * size)
    return np.minimum(index, 2 * size - 1 - index)


def smooth_field(control: np.ndarray, height: int, width: int) -> np.ndarray:
    """Values between those of a grid of points, without kinks: integers [P, Q] -> int64 [height, width]."""
    return (
        _smooth_weights(height, len(control)) @ control @ _smooth_weights(width, control.shape[1]).T
    ) >> 16


@functools.cache
def _smooth_weights(side: int, points: int) -> np.ndarray:
    """How much each control point counts at each of `side` places, in 1/256: int64 [side, points]."""
    position = np.arange(side) * (points - 1) * 256 // max(side - 1, 1)
    t = position & 255
    upper = t * t * (3 * 256 - 2 * t) >> 16  # 3 t^2 - 2 t^3 has slope 0 at both ends
    weights = np.zeros((side, points + 1), np.int64)
    weights[np.arange(side), position // 256] = 256 - upper
    weights[np.arange(side), position // 256 + 1] = upper
    return weights[:, :points]


def halve(image: np.ndarray) -> np.ndarray:
    """The mean of every 2 x 2 pixels, rounded: uint8 [2H, 2W, C] -> uint8 [H, W, C]."""
    wide = image.astype(np.uint16)
    return ((wide[::2, ::2] + wide[::2, 1::2] + wide[1::2, ::2] + wide[1::2, 1::2] + 2) >> 2).astype(np.uint8)


def paste(image: np.ndarray, drawing: np.ndarray) -> np.ndarray:
    """A drawing with premultiplied alpha, uint8 [H, W, 4], over an image, uint8 [H, W, 3]: uint8 [H, W, 3]."""
    behind = (image * (255 - drawing[..., 3:].astype(np.uint16)) + 127) // 255
    return np.minimum(behind + drawing[..., :3], 255).astype(np.uint8)
