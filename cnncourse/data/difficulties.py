"""What makes recognition hard, each as a transform with a strength in [0, 1] (lecture R3).

`illumination`, `scale`, `rotation`, `deformation`, `occlusion` and `clutter` take an image and give one of the same
shape; `TRANSFORMS` names them. Strength 0 gives the image back; what strength 1 does is in each docstring. The seed
chooses direction, place and colour: the same seed gives the same image on every machine.

Viewpoint and variation inside a class cannot be made from one image: they are choices of drawing and style in
`cnncourse.data.embedded`.

`copies_at_equal_distance` makes the copies that show how little a whole-image distance means (lecture N5).
"""

import math

import numpy as np

from cnncourse.data.fixedpoint import FULL_TURN, Stream, centred_grid, rotate, sample, sample_centred

# Every transform draws from a stream of its own, so that one seed may serve several.
_ILLUMINATION, _SCALE, _ROTATION, _DEFORMATION, _OCCLUSION, _CLUTTER = range(6)


def illumination(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Brighter or darker, from one side, in coloured light. At 1: gains differ by up to 2.5 times across the image."""
    amount, stream = _amount(strength), Stream(seed, _ILLUMINATION)
    y, x = centred_grid(*_shape(image))
    exposure = amount * stream.between(-110, 90) // 256
    y, x = rotate(y, x, stream.between(0, FULL_TURN - 1))
    slope = amount * 220 * y // (max(image.shape[:2]) * 256 * 256)  # -110 at one side, 110 at the other
    cast = amount * stream.integers(-40, 40, (3,)) // 256
    gain = np.maximum(256 + exposure + slope[..., None] + cast, 20)
    return np.minimum(image * gain >> 8, 255).astype(np.uint8)


def scale(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Nearer or farther; around a smaller copy the image is mirrored. At 1: 1.6 times or 0.4 times the size."""
    y, x = scaled(*centred_grid(*_shape(image)), strength, seed)
    return sample_centred(image, y, x)


def rotation(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Turned in its plane, to the left or to the right. At 1: by 90 degrees."""
    y, x = rotated(*centred_grid(*_shape(image)), strength, seed)
    return sample_centred(image, y, x)


def deformation(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Bent by a smooth random field. At 1: points move by up to a tenth of the image's side."""
    y, x = deformed(*centred_grid(*_shape(image)), strength, seed)
    return sample_centred(image, y, x)


def occlusion(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """A textured rectangle in front of a random place. At 1: it covers 60 % of the image."""
    amount, stream = _amount(strength), Stream(seed, _OCCLUSION)
    height, width = _shape(image)
    aspect = stream.between(192, 341)  # the rectangle's height against its width, in 1/256: 3 : 4 to 4 : 3
    area = height * width * amount * 6 // 10
    rows = min(math.isqrt(area * aspect // 256 // 256), height)
    columns = min(area // 256 // rows if rows else 0, width)
    top, left = stream.between(0, height - rows), stream.between(0, width - columns)
    covered = image.copy()
    covered[top : top + rows, left : left + columns] = texture(rows, columns, stream)
    return covered


def clutter(image: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    """Scraps of texture strewn around the middle. At 1: sixteen, each up to a third of the image's side."""
    amount, stream = _amount(strength), Stream(seed, _CLUTTER)
    height, width = _shape(image)
    strewn = image.copy()
    for _ in range((amount * 16 + 128) // 256):
        rows, columns = (max(side * stream.between(40, 85) // 256, 1) for side in (height, width))
        # Centres lie on a ring about the middle, from 0.3 of the side outwards: the middle stays visible.
        radius, angle = stream.between(77, 140), stream.between(0, FULL_TURN - 1)
        dy, dx = rotate(np.int64(radius), np.int64(0), angle)
        top = min(max(int(height * (128 + dy)) // 256 - rows // 2, 0), height - rows)
        left = min(max(int(width * (128 + dx)) // 256 - columns // 2, 0), width - columns)
        y, x = centred_grid(rows, columns)
        inside = (y * columns) ** 2 + (x * rows) ** 2 <= (rows * columns * 128) ** 2  # an ellipse
        scrap = texture(rows, columns, stream)
        place = strewn[top : top + rows, left : left + columns]
        place[inside] = scrap[inside]
    return strewn


TRANSFORMS = {
    transform.__name__: transform
    for transform in (illumination, scale, rotation, deformation, occlusion, clutter)
}


# The geometric ones, on coordinates (int64, in 1/256 of a pixel, relative to the middle): where in the source each
# output pixel is taken from. The composer moves drawings with them.


def scaled(y: np.ndarray, x: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    amount, stream = _amount(strength), Stream(seed, _SCALE)
    factor = 256 + (amount * stream.choose((154, -154)) // 256)
    return y * 256 // factor, x * 256 // factor


def rotated(y: np.ndarray, x: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    amount, stream = _amount(strength), Stream(seed, _ROTATION)
    return rotate(y, x, stream.choose((1, -1)) * (amount * FULL_TURN // 4 // 256))


def deformed(y: np.ndarray, x: np.ndarray, strength: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    amount, stream = _amount(strength), Stream(seed, _DEFORMATION)
    height, width = np.broadcast_shapes(y.shape, x.shape)
    # Displacements of 4 x 4 control points, in 1/128 of a tenth of the side, smoothly interpolated.
    control = stream.integers(0, 255, (4, 4, 2)).astype(np.uint8)
    rows, columns = (_smooth(np.arange(side) * 3 * 256 // max(side - 1, 1)) for side in (height, width))
    field = sample(control, rows[:, None], columns[None, :]).astype(np.int64) - 128
    move = field * amount // 128  # at most 256: a tenth of the side is side * 256 / 10 coordinate units
    return y + move[..., 0] * height // 10, x + move[..., 1] * width // 10


def _smooth(position: np.ndarray) -> np.ndarray:
    """The fraction t of each position replaced by 3 t^2 - 2 t^3: no kinks at the control points."""
    t = position & 255
    return (position - t) + (t * t * (3 * 256 - 2 * t) >> 16)


# Textures: what occluders and scraps are made of, and part of the composer's backgrounds


def texture(height: int, width: int, stream: Stream) -> np.ndarray:
    """A two-coloured gradient, noise at several sizes, stripes or a chequerboard: uint8 [height, width, 3]."""
    y, x = rotate(*centred_grid(height, width), stream.between(0, FULL_TURN - 1))
    kind = stream.between(0, 3)
    period = stream.between(3, 12) * 256
    if kind == 0:
        blend = 128 + y // max(height + width, 1)
    elif kind == 1:
        blend = _noise(height, width, stream)
    elif kind == 2:
        blend = y // period % 2 * 255
    else:
        blend = (y // period + x // period) % 2 * 255
    blend = np.clip(blend, 0, 256)[..., None]
    return (stream.colour() * (256 - blend) + stream.colour() * blend >> 8).clip(0, 255).astype(np.uint8)


def _noise(height: int, width: int, stream: Stream) -> np.ndarray:
    """Smooth noise of three sizes, in 0..255: [height, width] int64."""
    total = np.zeros((height, width), np.int64)
    for cells, weight in ((2, 4), (5, 2), (11, 1)):
        control = stream.integers(0, 255, (cells + 1, cells + 1, 1)).astype(np.uint8)
        y, x = (_smooth(np.arange(side) * cells * 256 // max(side, 1)) for side in (height, width))
        total += weight * sample(control, y[:, None], x[None, :])[..., 0].astype(np.int64)
    return total // 7


# Copies at one distance (N5)


def shifted_copy(image: np.ndarray, right: int = 2, down: int = 1) -> np.ndarray:
    """The image moved by whole pixels; the border's pixels fill what is uncovered. uint8 [H, W, C] -> the same."""
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
        raise ValueError("Shifting changes nothing in this image (is it constant?): there is no distance to match.")
    return {
        "shifted": shifted,
        "occluded": _occluded_by(image, distance),
        "darkened": _darkened_by(image, distance),
    }


def _darkened_by(image: np.ndarray, distance: int) -> np.ndarray:
    """Every value times one gain, a few a unit darker still, so that the L1 distance is met exactly."""
    values = image.astype(np.int64)
    if distance > values.sum():
        raise ValueError(f"Shifting changes this image by {distance}, black by only {values.sum()}: shift it less.")
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
    """A square patch of one grey in the middle, a few of its values a unit off, that meets the L1 distance exactly."""
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
    """The grey nearest to `end` whose distance from the patch is at most the one asked for, and the rest in units."""
    grey = end
    while _l1(patch, grey) > distance:
        grey -= away
    covered = np.full_like(patch, grey)
    missing = distance - _l1(patch, grey)
    # One unit towards `end` is one unit farther from every value on the other side of the grey, or equal to it.
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
