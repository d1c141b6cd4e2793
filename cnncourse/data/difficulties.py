"""What makes recognition hard, each as a transform with a strength in [0, 1] (lecture R3).

`illumination`, `scale`, `rotation`, `deformation`, `occlusion` and `clutter` take an image, uint8 [H, W, 3],
and give one of the same shape; `TRANSFORMS` names them. Strength 0 gives the image back; what strength 1 does
is in each docstring. The seed chooses direction, place and colour: the same seed gives the same image on
every machine.

Viewpoint and variation inside a class cannot be made from one image: they are choices of drawing and style in
`cnncourse.data.embedded`.

`copies_at_equal_distance` makes the copies that show how little a whole-image distance means (lecture N5).
"""

import math

import numpy as np

from cnncourse.data.fixedpoint import FULL_TURN, Stream, centred_grid, rotate, sample_centred, smooth_field

# Every transform draws from a stream of its own, so that one seed may serve several.
_ILLUMINATION, _SCALE, _ROTATION, _DEFORMATION, _OCCLUSION, _CLUTTER = range(6)


def illumination(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Brighter or darker, from one side, in coloured light. At 1: one side up to 2.5 times the other.

    Args:
        image: uint8 [H, W, 3].
        strength: 0 to 1.
        seed: chooses the side, the colour, and how bright.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: the strength is outside [0, 1], or this is no such image.
    """
    amount, stream = _amount(strength), Stream(seed, _ILLUMINATION)
    y, x = centred_grid(*_shape(image))
    exposure = amount * stream.between(-110, 90) // 256
    y, x = rotate(y, x, stream.between(0, FULL_TURN - 1))
    slope = amount * 220 * y // (max(image.shape[:2]) * 256 * 256)  # -110 at one side, 110 at the other
    cast = amount * stream.integers(-40, 40, (3,)) // 256
    gain = np.maximum(256 + exposure + slope[..., None] + cast, 20)
    return np.minimum(image * gain >> 8, 255).astype(np.uint8)


def scale(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Nearer or farther, the mean colour around a smaller copy. At 1: 1.6 times or 0.4 times the size.

    Args:
        image: uint8 [H, W, 3].
        strength: 0 to 1.
        seed: chooses nearer or farther.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: the strength is outside [0, 1], or this is no such image.
    """
    height, width = _shape(image)
    y, x = scaled(*centred_grid(height, width), strength, seed)
    result = sample_centred(image, y, x)
    outside = (abs(y) > height * 128) | (abs(x) > width * 128)
    result[outside] = image.sum(axis=(0, 1), dtype=np.int64) // (height * width)
    return result


def rotation(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Turned in its plane, to the left or to the right. At 1: by 90 degrees.

    Args:
        image: uint8 [H, W, 3].
        strength: 0 to 1.
        seed: chooses left or right.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: the strength is outside [0, 1], or this is no such image.
    """
    y, x = rotated(*centred_grid(*_shape(image)), strength, seed)
    return sample_centred(image, y, x)


def deformation(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Bent by a smooth random field. At 1: points move by up to a tenth of the image's side.

    Args:
        image: uint8 [H, W, 3].
        strength: 0 to 1.
        seed: chooses the field.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: the strength is outside [0, 1], or this is no such image.
    """
    y, x = deformed(*centred_grid(*_shape(image)), strength, seed)
    return sample_centred(image, y, x)


def occlusion(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """A textured rectangle in front of a random place. At 1: it covers 60 % of the image.

    Args:
        image: uint8 [H, W, 3].
        strength: 0 to 1.
        seed: chooses place, form and texture.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: the strength is outside [0, 1], or this is no such image.
    """
    amount, stream = _amount(strength), Stream(seed, _OCCLUSION)
    height, width = _shape(image)
    aspect = stream.between(192, 341)  # the rectangle's height against its width, in 1/256: 3 : 4 to 4 : 3
    area = height * width * amount * 6 // 10
    rows = min(math.isqrt(area * aspect // 256 // 256), height)
    columns = min(area // 256 // rows if rows else 0, width)
    # The same place at every strength, so that a stronger occlusion hides more.
    top, left = (stream.between(0, 256) * free // 256 for free in (height - rows, width - columns))
    covered = image.copy()
    covered[top : top + rows, left : left + columns] = texture(rows, columns, stream)
    return covered


def clutter(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Scraps of texture strewn around the middle. At 1: twelve, each up to a third of the image's side.

    Args:
        image: uint8 [H, W, 3].
        strength: 0 to 1.
        seed: chooses places, sizes and textures.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: the strength is outside [0, 1], or this is no such image.
    """
    amount, stream = _amount(strength), Stream(seed, _CLUTTER)
    height, width = _shape(image)
    strewn = image.copy()
    for _ in range((amount * 12 + 128) // 256):
        rows, columns = (max(side * stream.between(40, 85) // 256, 1) for side in (height, width))
        # Centres lie on a ring about the middle, from 0.3 of the side outwards: the middle stays visible.
        radius, angle = stream.between(77, 140), stream.between(0, FULL_TURN - 1)
        dy, dx = rotate(np.int64(radius), np.int64(0), angle)
        top = min(max(int(height * (128 + dy)) // 256 - rows // 2, 0), height - rows)
        left = min(max(int(width * (128 + dx)) // 256 - columns // 2, 0), width - columns)
        y, x = centred_grid(rows, columns)
        inside = (y * columns) ** 2 + (x * rows) ** 2 <= (rows * columns * 128) ** 2  # an ellipse
        # One colour is the image's own, as things that stand about in one scene share some.
        own = image[stream.between(0, height - 1), stream.between(0, width - 1)]
        colours = np.stack([own, stream.integers(20, 235, (3,))])
        scrap = texture(rows, columns, stream, colours)
        place = strewn[top : top + rows, left : left + columns]
        place[inside] = scrap[inside]
    return strewn


TRANSFORMS = {
    transform.__name__: transform
    for transform in (illumination, scale, rotation, deformation, occlusion, clutter)
}


# The geometric ones, on coordinates (int64, in 1/256 of a pixel, relative to the middle): where in the source
# each output pixel is taken from. The composer moves drawings with them.


def scaled(y: np.ndarray, x: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where `scale` takes its pixels from: int64 y [H, 1] and x [1, W], or both [H, W] -> the same shapes.

    Raises:
        ValueError: the strength is outside [0, 1].
    """
    amount, stream = _amount(strength), Stream(seed, _SCALE)
    factor = 256 + (amount * stream.choose((154, -154)) // 256)
    return y * 256 // factor, x * 256 // factor


def rotated(y: np.ndarray, x: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where `rotation` takes its pixels from: int64 y [H, 1] and x [1, W], or both [H, W] -> both [H, W].

    Raises:
        ValueError: the strength is outside [0, 1].
    """
    amount, stream = _amount(strength), Stream(seed, _ROTATION)
    return rotate(y, x, stream.choose((1, -1)) * (amount * FULL_TURN // 4 // 256))


def deformed(y: np.ndarray, x: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Where `deformation` takes its pixels from: int64 y [H, 1] and x [1, W], or both [H, W] -> both [H, W].

    Raises:
        ValueError: the strength is outside [0, 1].
    """
    amount, stream = _amount(strength), Stream(seed, _DEFORMATION)
    height, width = np.broadcast_shapes(y.shape, x.shape)
    control = stream.integers(-256, 256, (2, 4, 4))  # in 1/256 of the farthest, a tenth of the side
    dy, dx = (smooth_field(points, height, width) * amount // 2560 for points in control)
    return y + dy * height, x + dx * width


# Textures: what occluders and scraps are made of, and part of the composer's backgrounds


def texture(height: int, width: int, stream: Stream, colours: np.ndarray | None = None) -> np.ndarray:
    """A gradient, noise at several sizes, stripes or a chequerboard: uint8 [height, width, 3].

    In the two colours given, [2, 3], or else in two random ones, not too gaudy.
    """
    if colours is None:
        greys = stream.integers(20, 235, (2, 1))
        colours = np.clip(greys + stream.integers(-60, 60, (2, 3)), 0, 255)
    first, second = np.asarray(colours, np.int64)
    y, x = rotate(*centred_grid(height, width), stream.between(0, FULL_TURN - 1))
    kind = stream.between(0, 3)
    period = stream.between(3, 12) * 256
    if kind == 0:
        # From 0 to 256: a corner is less than half of height + width away.
        blend = 128 + y // (height + width)
    elif kind == 1:
        blend = _noise(height, width, stream)
    elif kind == 2:
        blend = y // period % 2 * 255
    else:
        blend = (y // period + x // period) % 2 * 255
    return (first + ((second - first) * blend[..., None] >> 8)).astype(np.uint8)


def _noise(height: int, width: int, stream: Stream) -> np.ndarray:
    """Smooth noise of two sizes, in 0..255: int64 [height, width]."""
    coarse, fine = (stream.integers(0, 255, (points, points)) for points in (4, 9))
    return (2 * smooth_field(coarse, height, width) + smooth_field(fine, height, width)) // 3


# Copies at one distance (N5)


def shifted_copy(image: np.ndarray, right: int = 2, down: int = 1) -> np.ndarray:
    """The image moved by whole pixels; its border fills what is uncovered: uint8 [H, W, C] -> the same.

    Raises:
        ValueError: this is no image.
    """
    height, width = _shape(image)
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return image[rows[:, None], columns]


def copies_at_equal_distance(image: np.ndarray, right: int = 2, down: int = 1) -> dict[str, np.ndarray]:
    """A shifted, an occluded and a darkened copy at exactly the same L1 distance from the image (N5).

    The shift decides the distance; the patch and the darkening are then made to match it to the unit.

    Args:
        image: uint8 [H, W, C].
        right, down: the shift in pixels.
    Returns:
        {"shifted", "occluded", "darkened"}: uint8 [H, W, C] each.
    Raises:
        ValueError: when shifting changes nothing, or changes more than a patch or darkness can.
    """
    shifted = shifted_copy(image, right, down)
    distance = _l1(image, shifted)
    if distance == 0:
        raise ValueError(
            "Shifting changes nothing in this image (is it constant?): there is no distance to match."
        )
    return {
        "shifted": shifted,
        "occluded": _occluded_by(image, distance),
        "darkened": _darkened_by(image, distance),
    }


def _darkened_by(image: np.ndarray, distance: int) -> np.ndarray:
    """Every value times one gain, a few a unit darker still, so that the L1 distance is met exactly."""
    values = image.astype(np.int64)
    if distance > values.sum():
        raise ValueError(
            f"Shifting changes this image by {distance}, black by only {values.sum()}: shift it less."
        )
    # Steps of the gain are so fine that one step changes a value by at most one unit.
    low, high = 0, 2**16  # the distance at gain `low` is >= the one asked for, at `high` it is <=
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _l1(values, values * middle >> 16) >= distance else (low, middle)
    darkened, darker = values * high >> 16, values * low >> 16
    changing = np.flatnonzero(darkened != darker)
    missing = distance - _l1(values, darkened)
    # Spread over the picture, not all in its first rows.
    chosen = changing[np.arange(missing) * len(changing) // max(missing, 1)]
    darkened.flat[chosen] -= 1
    return darkened.astype(np.uint8)


def _occluded_by(image: np.ndarray, distance: int) -> np.ndarray:
    """A grey square in the middle, some of its values a unit off, that meets the L1 distance exactly."""
    height, width = _shape(image)
    for side in range(1, min(height, width) + 1):
        top, left = (height - side) // 2, (width - side) // 2
        place = (slice(top, top + side), slice(left, left + side))
        patch = image[place].astype(np.int64)
        for end, away in ((0, -1), (255, 1)):  # from black upwards, or from white downwards, to the median
            if _l1(patch, end) >= distance >= _l1(patch, int(np.median(patch))):
                occluded = image.copy()
                occluded[place] = _patch_at(patch, distance, end, away)
                return occluded
    raise ValueError(f"Shifting changes this image by {distance}, no square patch by as much: shift it less.")


def _patch_at(patch: np.ndarray, distance: int, end: int, away: int) -> np.ndarray:
    """The grey nearest to `end` that is no farther from the patch than asked, and the rest in units."""
    grey = end
    while _l1(patch, grey) > distance:
        grey -= away
    covered = np.full_like(patch, grey)
    missing = distance - _l1(patch, grey)
    # One unit towards `end` is one unit farther from every value that lies beyond the grey, or on it.
    farther = np.flatnonzero((patch - grey) * away <= 0)
    chosen = farther[np.arange(missing) * len(farther) // max(missing, 1)]
    covered.flat[chosen] += away
    return covered


def _l1(a: np.ndarray, b: np.ndarray | int) -> int:
    return int(np.abs(np.subtract(a, b, dtype=np.int64)).sum())


def _shape(image: np.ndarray) -> tuple[int, int]:
    if image.ndim != 3 or image.dtype != np.uint8:
        raise ValueError(f"Expected an image, uint8 [H, W, 3], but got {image.dtype} {list(image.shape)}.")
    return image.shape[:2]


def _amount(strength: float) -> int:
    """The strength in 1/256."""
    if not 0 <= strength <= 1:
        raise ValueError(f"A strength lies between 0 and 1, but this one is {strength}.")
    return round(strength * 256)
