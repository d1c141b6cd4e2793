"""The embedded CIFAR-10-shaped data set: drawings composed on photographs, 32 x 32 pixels, ten classes.

Image i of a split is a pure function of (version, split, i): it can be made alone, in any order, and has the
same bytes on every machine. Each image is one drawing on a background:

* the *viewpoint* and the *style* are the choice among the class's drawings (and their mirror images) and
  among the styles they are drawn in;
* scale, rotation, deformation, clutter, occlusion and illumination are those of
  `cnncourse.data.difficulties`, with random strengths up to those of `STRENGTHS`.

What the splits share and what they do not:

| split           | drawings          | style         | backgrounds                               |
|-----------------|-------------------|---------------|-------------------------------------------|
| train           | all but held out  | noto, fluent  | training photographs, procedural textures |
| test            | all but held out  | noto, fluent  | test photographs                          |
| unseen_drawings | held out ones     | noto, fluent  | test photographs                          |
| unseen_style    | all but held out  | twemoji       | test photographs                          |
"""

import functools

import numpy as np

from cnncourse.data import atlas, difficulties
from cnncourse.data.fixedpoint import PIXEL, Stream, centred_grid, halve, paste, sample

VERSION = 1  # counts up whenever a byte of any image changes; part of the cache's name
SIDE = 32  # pixels
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SPLITS = {"train": 50_000, "test": 10_000, "unseen_drawings": 2_000, "unseen_style": 2_000}  # images

UNSEEN_STYLE = "twemoji"
SEEN_STYLES = tuple(style for style in atlas.STYLES if style != UNSEEN_STYLE)
# Only classes with three drawings or more lend some: cat and deer have two, frog has one.
UNSEEN_DRAWINGS = {
    "airplane": ("1f6e9",),  # a small propeller aeroplane
    "automobile": ("1f698", "1f693"),  # a car from the front, a police car
    "bird": ("1f989", "1f413", "1f9a9", "1f99a"),  # owl, rooster, flamingo, peacock
    "dog": ("1f429",),  # poodle
    "horse": ("1f3c7",),  # with its rider
    "ship": ("26f5", "26f4"),  # sailing boat, ferry
    "truck": ("1f692",),  # fire engine
}

# The strongest that each difficulty gets in the splits; an image's own strength is drawn between 0 and this.
STRENGTHS = {
    "illumination": 0.8,
    "scale": 0.45,
    "rotation": 0.3,
    "deformation": 0.7,
    "occlusion": 0.3,
    "clutter": 0.6,
}

_CANVAS = 2 * SIDE  # composed at twice the size, then every 2 x 2 pixels averaged: no jagged edges
_BLOCK = 100  # labels are balanced in every run of so many images


def name_in_atlas(name: str) -> str:
    """The atlas has Pascal VOC's names, three of which differ from CIFAR-10's."""
    return {"airplane": "aeroplane", "automobile": "car", "ship": "boat"}.get(name, name)


def drawings_of(split: str, name: str) -> tuple[str, ...]:
    """The drawings (code points) of a class that a split uses; none where the class lends it none.

    Raises:
        ValueError: there is no such split or class.
    """
    _number(split)
    if name not in CLASSES:
        raise ValueError(f"No class is called {name!r}; there are {', '.join(CLASSES)}.")
    unseen = UNSEEN_DRAWINGS.get(name, ())
    if split == "unseen_drawings":
        return unseen
    return tuple(code for code in atlas.drawings()[name_in_atlas(name)] if code not in unseen)


def label(split: str, index: int) -> int:
    """The class of image `index`: shuffled, and equally often every class in each hundred images of a split.

    In unseen_drawings the seven classes that lend drawings take turns, as equally as a hundred allows.

    Raises:
        ValueError: there is no such split.
    """
    return _labels_of_block(split, index // _BLOCK)[index % _BLOCK]


@functools.lru_cache(maxsize=8)
def _labels_of_block(split: str, block: int) -> list[int]:
    present = [number for number, name in enumerate(CLASSES) if drawings_of(split, name)]
    turns = [present[(block * _BLOCK + i) % len(present)] for i in range(_BLOCK)]
    return Stream(VERSION, _number(split), block).shuffled(turns)


def compose(split: str, index: int, **strengths: float) -> np.ndarray:
    """Image `index` of a split; strengths given by name (see `STRENGTHS`) replace the image's own.

    ``compose("test", 7, occlusion=0.8)`` is test image 7 with the same drawing in the same place, more of it
    hidden.

    Returns:
        uint8 [32, 32, 3].
    Raises:
        ValueError: for an unknown split or difficulty, an index outside the split, a strength outside [0, 1].
    """
    strengths = _drawn_strengths(split, index) | strengths
    if unknown := strengths.keys() - STRENGTHS.keys():
        raise ValueError(
            f"No difficulty is called {', '.join(sorted(unknown))}; there are {', '.join(STRENGTHS)}."
        )
    stream = _stream(split, index, 1)
    seed = stream.bits()
    image = background(split, stream)
    image = difficulties.clutter(image, strengths["clutter"], seed)
    thing = _place(_choose_drawing(split, index, stream), strengths, seed, stream)
    image = paste(image, thing)
    image = _occlude(image, thing, strengths["occlusion"], seed)
    return halve(difficulties.illumination(image, strengths["illumination"], seed))


def compose_range(split: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Images start..stop-1 of a split: (uint8 [n, 32, 32, 3], labels int64 [n]).

    Raises:
        ValueError: there is no such split, or it has not so many images.
    """
    images = np.empty((stop - start, SIDE, SIDE, 3), np.uint8)
    for row, index in enumerate(range(start, stop)):
        images[row] = compose(split, index)
    return images, np.array([label(split, index) for index in range(start, stop)], np.int64)


def background(split: str, stream: Stream, canvas: int = _CANVAS) -> np.ndarray:
    """A window of a photograph (for training, one time in four a texture): uint8 [canvas, canvas, 3].

    Raises:
        ValueError: there is no such split.
    """
    _number(split)
    use = "train" if split == "train" else "test"
    if use == "train" and stream.between(0, 3) == 0:
        return difficulties.texture(canvas, canvas, stream)
    photograph = stream.choose(tuple(atlas.photographs(use).values()))
    height, width = photograph.shape[:2]
    side = stream.between(64, 160)
    top, left = stream.between(0, height - side), stream.between(0, width - side)
    steps = np.arange(canvas) * side * PIXEL // canvas
    window = sample(photograph, top * PIXEL + steps[:, None], left * PIXEL + steps[None, :])
    if stream.between(0, 1):
        window = window[:, ::-1]
    # A random tint: the photographs are few, and some are grey.
    tint = stream.integers(140, 300, (3,))
    return np.minimum(window * tint >> 8, 255).astype(np.uint8)


def _choose_drawing(split: str, index: int, stream: Stream) -> np.ndarray:
    styles = (UNSEEN_STYLE,) if split == "unseen_style" else SEEN_STYLES
    drawing = atlas.drawing(
        stream.choose(drawings_of(split, CLASSES[label(split, index)])), stream.choose(styles)
    )
    return drawing[:, ::-1] if stream.between(0, 1) else drawing


def _place(drawing: np.ndarray, strengths: dict, seed: int, stream: Stream) -> np.ndarray:
    """The drawing on an empty canvas, moved by the geometric difficulties: uint8 [64, 64, 4]."""
    y, x = centred_grid(_CANVAS, _CANVAS)
    y, x = y + stream.between(-6, 6) * PIXEL, x + stream.between(-6, 6) * PIXEL
    y, x = difficulties.deformed(y, x, strengths["deformation"], seed)
    y, x = difficulties.rotated(y, x, strengths["rotation"], seed)
    y, x = difficulties.scaled(y, x, strengths["scale"], seed)
    height, width = drawing.shape[:2]
    # Unless scaled, the longer side takes 52 of the canvas's 64 pixels.
    y, x = y * max(height, width) // 52, x * max(height, width) // 52
    framed = np.zeros((height + 2, width + 2, 4), np.uint8)  # a transparent frame, for all that lies outside
    framed[1:-1, 1:-1] = drawing
    y = np.clip(y + (height + 1) * PIXEL // 2, 0, (height + 1) * PIXEL)
    x = np.clip(x + (width + 1) * PIXEL // 2, 0, (width + 1) * PIXEL)
    return sample(framed, y, x)


def _occlude(image: np.ndarray, thing: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """The difficulty occlusion, applied to the box around the drawing: what is hidden is the thing."""
    rows, columns = (np.flatnonzero((thing[..., 3] > 8).any(axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    image = image.copy()
    image[box] = difficulties.occlusion(image[box], strength, seed)
    return image


def _drawn_strengths(split: str, index: int) -> dict[str, float]:
    stream = _stream(split, index, 0)
    return {name: most * stream.between(0, 256) / 256 for name, most in STRENGTHS.items()}


def _stream(split: str, index: int, purpose: int) -> Stream:
    number = _number(split)
    if not 0 <= index < SPLITS[split]:
        raise ValueError(f"Split {split} has images 0 to {SPLITS[split] - 1:,}, not {index:,}.")
    return Stream(VERSION, number, index, 1 + purpose)


def _number(split: str) -> int:
    if split not in SPLITS:
        raise ValueError(f"No split is called {split!r}; there are {', '.join(SPLITS)}.")
    return list(SPLITS).index(split)
