"""Sheets of images to look at: what a split holds, and what each difficulty does at growing strengths."""

import numpy as np
from PIL import Image

from cnncourse.data import embedded


def split_sheet(split: str, columns: int = 12, zoom: int = 3) -> Image.Image:
    """A row for each class that the split has, with its first images.

    Raises:
        ValueError: there is no such split.
    """
    rows = []
    for number, name in enumerate(embedded.CLASSES):
        if embedded.drawings_of(split, name):
            indices = (i for i in range(embedded.SPLITS[split]) if embedded.label(split, i) == number)
            rows.append([embedded.compose(split, next(indices)) for _ in range(columns)])
    return _grid(rows, zoom)


def difficulty_sheet(split: str = "test", index: int = 0, columns: int = 5, zoom: int = 3) -> Image.Image:
    """A row for each difficulty: the same scene with that one alone, from strength 0 to 1.

    Raises:
        ValueError: there is no such split, or it has no such image.
    """
    none = dict.fromkeys(embedded.STRENGTHS, 0.0)
    steps = np.linspace(0, 1, columns)
    return _grid(
        [[embedded.compose(split, index, **none | {name: float(step)}) for step in steps] for name in none],
        zoom,
    )


def _grid(rows: list[list[np.ndarray]], zoom: int) -> Image.Image:
    framed = np.array([[np.pad(image, ((0, 1), (0, 1), (0, 0))) for image in row] for row in rows])
    height, width, side = len(rows), len(rows[0]), framed.shape[2]
    sheet = framed.transpose(0, 2, 1, 3, 4).reshape(height * side, width * side, 3)
    return Image.fromarray(sheet).resize(
        (width * side * zoom, height * side * zoom), Image.Resampling.NEAREST
    )
