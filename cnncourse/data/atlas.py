"""The drawings and photographs that embedded data is composed from, as they lie in the package without loss.

`tools/build_atlas.py` makes the files; `ATTRIBUTIONS.md` says whose work they are and under which licence.
"""

import functools
import json
from importlib import resources

import numpy as np
from PIL import Image

STYLES = ("noto", "twemoji", "fluent")
USES = ("train", "test")  # of photographs
_CELL = 64  # pixels, the side of a drawing's cell in its sheet
_ASSETS = resources.files("cnncourse.data") / "assets"


@functools.cache
def drawings() -> dict[str, tuple[str, ...]]:
    """Class (Pascal VOC's name, or else CIFAR-10's) -> its drawings (code points in hexadecimal)."""
    found: dict[str, list[str]] = {}
    for entry in _index():
        found.setdefault(entry["class"], []).append(entry["drawing"])
    return {name: tuple(codes) for name, codes in found.items()}


@functools.cache
def drawing(code: str, style: str) -> np.ndarray:
    """One drawing, cut to what is visible: uint8 [H, W, 4], at most 64 x 64, premultiplied by alpha.

    Raises:
        ValueError: there is no such style, or no such drawing (`drawings` has all).
    """
    if style not in STYLES:
        raise ValueError(f"No style is called {style!r}; there are {', '.join(STYLES)}.")
    cells = [entry["cell"] for entry in _index() if entry["drawing"] == code]
    if not cells:
        raise ValueError(f"No drawing has the code {code!r}; `drawings` has all of them.")
    row, column = cells[0]
    cell = _sheet(style)[row * _CELL : (row + 1) * _CELL, column * _CELL : (column + 1) * _CELL]
    rows, columns = (np.flatnonzero((cell[..., 3] > 8).any(axis)) for axis in (1, 0))
    visible = cell[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint16)
    visible[..., :3] = (visible[..., :3] * visible[..., 3:] + 127) // 255
    return _constant(visible.astype(np.uint8))


@functools.cache
def photographs(use: str) -> dict[str, np.ndarray]:
    """Name -> photograph, uint8 [H, W, 3], the shorter side 160.

    Use is "train" or "test": no photograph serves both.

    Raises:
        ValueError: there is no such use.
    """
    if use not in USES:
        raise ValueError(f"No use is called {use!r}; there are {', '.join(USES)}.")
    folder = _ASSETS / "photographs"
    uses = json.loads((folder / "uses.json").read_text())
    return {name: _picture(folder / f"{name}.png", "RGB") for name, its_use in uses.items() if its_use == use}


@functools.cache
def _index() -> list[dict]:
    return json.loads((_ASSETS / "drawings.json").read_text())


@functools.cache
def _sheet(style: str) -> np.ndarray:
    return _picture(_ASSETS / f"{style}.png", "RGBA")


def _picture(file, mode: str) -> np.ndarray:
    with file.open("rb") as stream, Image.open(stream) as image:
        return _constant(np.array(image.convert(mode)))


def _constant(array: np.ndarray) -> np.ndarray:
    """Cached arrays are shared: nobody may write into one."""
    array.setflags(write=False)
    return array
