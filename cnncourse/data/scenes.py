"""Embedded scenes for detection and segmentation: several drawings on a photograph, with exact boxes and masks.

Like the embedded CIFAR-10, scene i of a split is a function of (version, split, i, settings) in integers: any scene
can be made alone, with the same pixels on every machine. The splits share and withhold what those of
`cnncourse.data.embedded` do: "test" composes the drawings of "train" anew on photographs that training never saw,
"unseen_drawings" and "unseen_style" show things drawn otherwise.

An object's mask is where at least half of a pixel is the object's and nothing nearer covers it; its box is the
tight box of that mask, as VOC's is of the visible part. All of it is exact: the composer knows where it put things.
"""

import itertools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnncourse.data import atlas, difficulties, embedded, voc
from cnncourse.data.fixedpoint import FULL_TURN, PIXEL, Stream, centred_grid, halve, paste, rotate, sample
from cnncourse.processes import cores, side_by_side

VERSION = 1  # counts up whenever a scene changes; part of the cache's name
SPLITS = ("train", "test", "unseen_drawings", "unseen_style")

# What the embedded CIFAR-10 withholds is withheld here too: networks may start from weights trained on that set.
UNSEEN_DRAWINGS = {
    **{embedded.name_in_atlas(name): codes for name, codes in embedded.UNSEEN_DRAWINGS.items()},
    "bottle": ("1f37e",),
    "bus": ("1f68e",),
    "cow": ("1f402",),
    "person": ("1f3c3", "1f469", "1f477"),
    "pottedplant": ("1f335",),
    "train": ("1f682", "1f683"),
}


@dataclass(frozen=True)
class Settings:
    """What scenes look like.

    Args:
        side: height and width in pixels.
        classes: a part of VOC's twenty names; labels are positions in it.
        objects: the fewest and the most objects in a scene.
        sizes: the smallest and the largest longer side of an object, in 1/256 of the scene's side.

    Raises:
        ValueError: an unknown class, or numbers that make no sense.
    """

    side: int = 96
    classes: tuple[str, ...] = voc.CLASSES
    objects: tuple[int, int] = (1, 3)
    sizes: tuple[int, int] = (64, 160)

    def __post_init__(self):
        if unknown := set(self.classes) - set(voc.CLASSES):
            raise ValueError(
                f"No class is called {', '.join(sorted(unknown))}; VOC has {', '.join(voc.CLASSES)}."
            )
        if not 0 <= self.objects[0] <= self.objects[1] or not 8 <= self.sizes[0] <= self.sizes[1] <= 256:
            raise ValueError(
                f"objects={self.objects} and sizes={self.sizes} are (fewest, most), sizes in 8 to 256."
            )


@dataclass(frozen=True)
class Scene:
    """A composed image, uint8 ``[S, S, 3]``, what is known of it, and its masks.

    ``mask`` is uint8 ``[S, S]``: 0 background, 1 + label, 255 on the border between two things, one pixel wide;
    ``instances`` counts the objects from 1, without borders.
    """

    image: np.ndarray
    annotation: voc.Annotation
    mask: np.ndarray
    instances: np.ndarray


def drawings_of(split: str, name: str) -> tuple[str, ...]:
    """The drawings of a class that a split shows; none where the class lends none to ``unseen_drawings``."""
    unseen = UNSEEN_DRAWINGS.get(name, ())
    return (
        unseen if split == "unseen_drawings" else tuple(c for c in atlas.drawings()[name] if c not in unseen)
    )


def compose(split: str, index: int, settings: Settings = Settings()) -> Scene:
    """Scene ``index`` of a split.

    Raises:
        ValueError: an unknown split, a negative index, or no class with a drawing for this split.
    """
    if split not in SPLITS or index < 0:
        raise ValueError(f"There is no scene {index} of {split!r}; splits are {', '.join(SPLITS)}.")
    stream = Stream(VERSION, 100 + SPLITS.index(split), index)
    image = embedded.background(split, stream, 2 * settings.side)
    placed: list[_Placed] = []
    for _ in range(stream.between(*settings.objects)):
        one = _place(split, settings, stream, placed)
        if one is not None:
            window = image[one.window]
            window[:] = paste(window, one.drawing)
            placed = [*_covered(placed, one), one]
    image = halve(difficulties.illumination(image, stream.between(0, 128) / 256, stream.bits()))
    return _annotated(image, placed)


@dataclass(frozen=True)
class _Placed:
    """An object on the canvas: its drawing's window, and which of the scene's pixels it shows and would show."""

    label: int
    window: tuple[slice, slice]
    drawing: np.ndarray  # uint8 [h, w, 4], the part inside the canvas
    visible: np.ndarray  # bool [S, S]
    area: int  # pixels of the whole drawing, were it neither cut off nor covered
    inside: int  # pixels inside the canvas


def _covered(placed: list[_Placed], nearer: _Placed) -> list[_Placed]:
    return [
        _Placed(far.label, far.window, far.drawing, far.visible & ~nearer.visible, far.area, far.inside)
        for far in placed
    ]


def _place(split: str, settings: Settings, stream: Stream, placed: list[_Placed]) -> _Placed | None:
    """A further object that leaves something to see of those behind it; None if ten tries find no place."""
    for _ in range(10):
        one = _object(split, settings, stream)
        seen = [int(far.visible.sum()) for far in _covered(placed, one)]
        enough = all(4 * left >= far.area for left, far in zip(seen, placed, strict=True))
        if enough and 2 * one.inside >= one.area and one.inside >= 12:
            return one
    return None


def _object(split: str, settings: Settings, stream: Stream) -> _Placed:
    names = [name for name in settings.classes if drawings_of(split, name)]
    if not names:
        raise ValueError(f"None of {', '.join(settings.classes)} has a drawing for {split}.")
    name = stream.choose(names)
    styles = (embedded.UNSEEN_STYLE,) if split == "unseen_style" else embedded.SEEN_STYLES
    drawing = atlas.drawing(stream.choose(drawings_of(split, name)), stream.choose(styles))
    if stream.between(0, 1):
        drawing = drawing[:, ::-1]
    canvas = 2 * settings.side
    side = max(canvas * stream.between(*settings.sizes) // 256, 4)
    patch = _resized(drawing, side, stream.between(-FULL_TURN // 24, FULL_TURN // 24))
    # Centres lie anywhere up to the border: up to half of an object may be cut off.
    top, left = (stream.between(0, canvas) - extent // 2 for extent in patch.shape[:2])
    return _on_canvas(settings.classes.index(name), patch, top, left, canvas)


def _resized(drawing: np.ndarray, side: int, angle: int) -> np.ndarray:
    """The drawing turned by angle / 1024 of a turn, its longer side ``side`` pixels: uint8 [h, w, 4]."""
    height, width = drawing.shape[:2]
    longer = max(height, width)
    # A quarter more, room for the corners.
    rows, columns = (-(-extent * side * 5 // (4 * longer)) for extent in (height, width))
    y, x = rotate(*centred_grid(rows, columns), angle)
    y, x = y * longer // side, x * longer // side
    framed = np.zeros((height + 2, width + 2, 4), np.uint8)  # a transparent frame, for all that lies outside
    framed[1:-1, 1:-1] = drawing
    y = np.clip(y + (height + 1) * PIXEL // 2, 0, (height + 1) * PIXEL)
    x = np.clip(x + (width + 1) * PIXEL // 2, 0, (width + 1) * PIXEL)
    return sample(framed, y, x)


def _on_canvas(label: int, patch: np.ndarray, top: int, left: int, canvas: int) -> _Placed:
    rows, columns = patch.shape[:2]
    window = (
        slice(max(top, 0), max(min(top + rows, canvas), 0)),
        slice(max(left, 0), max(min(left + columns, canvas), 0)),
    )
    inside = patch[
        window[0].start - top : window[0].stop - top, window[1].start - left : window[1].stop - left
    ]
    # Which of the scene's pixels the whole drawing would take, also beyond the border: counted on the same grid.
    whole = np.pad(patch[..., 3:], ((top % 2, -(top + rows) % 2), (left % 2, -(left + columns) % 2), (0, 0)))
    whole = halve(whole)[..., 0] >= 128
    visible = np.zeros((canvas // 2, canvas // 2), bool)
    row, column = top // 2, left // 2
    part = whole[max(-row, 0) : canvas // 2 - row, max(-column, 0) : canvas // 2 - column]
    visible[max(row, 0) :, max(column, 0) :][: part.shape[0], : part.shape[1]] = part
    return _Placed(label, window, inside, visible, int(whole.sum()), int(visible.sum()))


def _annotated(image: np.ndarray, placed: list[_Placed]) -> Scene:
    side = image.shape[0]
    instances = np.zeros((side, side), np.uint8)
    for number, one in enumerate(placed, 1):
        instances[one.visible] = number
    labels = np.array([one.label for one in placed], np.int64)
    mask = np.concatenate([[0], labels + 1]).astype(np.uint8)[instances]
    mask[_borders(instances)] = voc.VOID
    boxes = np.array([_tight_box(one.visible) for one in placed], np.float32).reshape(-1, 4)
    seen = np.array([one.visible.sum() for one in placed], np.int64)
    area = np.array([one.area for one in placed], np.int64)
    inside = np.array([one.inside for one in placed], np.int64)
    small = (boxes[:, 2:] - boxes[:, :2]).min(1, initial=side) < 6 if len(boxes) else np.zeros(0, bool)
    flags = (5 * seen < 2 * area) | small, 20 * inside < 19 * area, 20 * seen < 19 * inside
    return Scene(image, voc.Annotation((side, side), boxes, labels, *flags), mask, instances)


def _tight_box(visible: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero(visible.any(axis)) for axis in (1, 0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def _borders(instances: np.ndarray) -> np.ndarray:
    """Pixels whose right or lower neighbour belongs to something else."""
    border = np.zeros(instances.shape, bool)
    border[:, :-1] |= instances[:, :-1] != instances[:, 1:]
    border[:-1] |= instances[:-1] != instances[1:]
    return border


def compose_many(
    split: str, count: int, settings: Settings = Settings(), start: int = 0, jobs: int | None = None
) -> list[Scene]:
    """Scenes ``start`` to ``start + count - 1``, composed by ``jobs`` processes (default: one a core).

    Raises:
        ValueError: see `compose`.
    """
    parts = [range(i, min(i + 100, start + count)) for i in range(start, start + count, 100)]
    work = [(split, settings, part) for part in parts]
    done = dict(side_by_side(_compose_part, work, jobs or cores()))
    return list(itertools.chain.from_iterable(done[number] for number in range(len(parts))))


def _compose_part(split: str, settings: Settings, part: range) -> list[Scene]:
    return [compose(split, index, settings) for index in part]


def write_voc(root: str | os.PathLike, split: str, count: int, settings: Settings = Settings()) -> None:
    """The first ``count`` scenes of a split in VOC's layout under ``root``; the split's list is written last.

    Raises:
        ValueError: see `compose`.
        FileError: a file cannot be written.
    """
    names = []
    for index, scene in enumerate(compose_many(split, count, settings)):
        names.append(f"{SPLITS.index(split)}{index:06d}")
        voc.write_image(Path(root), names[-1], scene.image, scene.annotation, scene.mask, settings.classes)
    voc.write_split(Path(root), split, names)
