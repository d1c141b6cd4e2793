"""Values and verdicts as people read them: text, tables, pictures. Everything a submission said is made
harmless here.

Escaping belongs to the writer of each format; what no format may contain (control characters, invisible
marks that reorder text, megabytes) is taken out by ``clean``.
"""

import base64
import io
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncourse.grading.compare import is_array, to_numpy

_LONGEST = 2000  # characters of a text
_LARGEST = 65_536  # entries of an array that is kept
_CELLS = 10  # rows and columns of a table
_ENTRIES = 64  # entries of an array in text
_PICTURES = 8  # images side by side
# Control characters, lone surrogates and what XML forbids; then the marks that reorder or hide text.
_HARMFUL = re.compile(
    "[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Shown:
    """A value to show: what it is, its text, and its numbers where it is an array (the part that is kept)."""

    kind: str  # "numpy uint8 (2, 3)", empty for values that need no such note
    text: str
    array: np.ndarray | None = None
    where: tuple[int, ...] | None = None  # the entry to look at


def clean(text: Any, longest: int = _LONGEST) -> str:
    """Text without what harms a terminal, a page or an XML file, and not longer than ``longest``."""
    text = str(text)
    kept = _HARMFUL.sub("\ufffd", text[:longest])
    return kept if len(text) <= longest else f"{kept}… (and more)"


def snapshot(value: Any, where: tuple[int, ...] | None = None) -> Shown:
    """A value as it is shown, kept apart from the value itself."""
    if not is_array(value) or getattr(value, "ndim", 0) == 0:
        return Shown("", clean(_text(value)))
    kept = to_numpy(value)
    library = "numpy" if isinstance(value, np.ndarray) else "torch"
    kind = f"{library} {str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if kept.dtype.hasobject:
        return Shown(kind, "")
    text = clean(array_text(kept))
    while kept.size > _LARGEST:
        longest = int(np.argmax(kept.shape))
        kept = kept[(slice(None),) * longest + (slice(kept.shape[longest] // 2),)]
    inside = where is not None and len(where) == kept.ndim and all(map(int.__lt__, where, kept.shape))
    return Shown(kind, text, kept.copy(), where if inside else None)


def array_text(value: np.ndarray) -> str:
    """An array's entries; where these are many, some of them, or what there is to say of them all."""
    if value.size > _ENTRIES and value.ndim > 2:
        low, high = value.min(), value.max()
        first = ", ".join(map(str, value.ravel()[:6].tolist()))
        return f"all {low}" if low == high else f"{first}, ... (from {low} to {high})"
    with np.printoptions(precision=6, suppress=False, threshold=_ENTRIES, edgeitems=3, linewidth=72):
        return np.array2string(value, separator=", ")


def _text(value: Any) -> str:
    """A value as Python writes it, as far as anyone will read: it may be millions of nested lists."""
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > _LONGEST:
            break
    return text


def _pieces(value: Any) -> Iterator[str]:
    if is_array(value):
        yield array_text(to_numpy(value))
    elif isinstance(value, list | tuple):
        yield "[" if isinstance(value, list) else "("
        for position, item in enumerate(value):
            yield ", " if position else ""
            yield from _pieces(item)
        yield "]" if isinstance(value, list) else ",)" if len(value) == 1 else ")"
    elif isinstance(value, dict):
        yield "{"
        for position, (key, item) in enumerate(value.items()):
            yield f"{', ' if position else ''}{str(key)[:_LONGEST]!r}: "
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, str):
        yield repr(value[:_LONGEST]) + "..." * (len(value) > _LONGEST)
    elif value is None or isinstance(value, bool | int | float):
        yield repr(value)
    else:
        yield f"an object of class {getattr(value, 'type', type(value).__name__)}"


# ---- tables and pictures


@dataclass(frozen=True)
class Table:
    """An array as cells: column numbers, then rows of (row number, cells), a cell being (text, differs)."""

    columns: tuple[int, ...]
    rows: tuple[tuple[int, tuple[tuple[str, bool], ...]], ...]
    cut: bool


def table(shown: Shown, other: Shown | None = None) -> Table | None:
    """An array of one or two axes as a table, entries unequal to those of ``other`` marked. Else None."""
    if shown.array is None or shown.array.ndim not in (1, 2) or not shown.array.size:
        return None
    array = np.atleast_2d(shown.array)
    same = np.ones(array.shape, bool)
    if other is not None and other.array is not None and other.array.shape == shown.array.shape:
        theirs = np.atleast_2d(other.array)
        same = (array == theirs) | ((array != array) & (theirs != theirs))
    where = (0, *(shown.where or (0,)))[-2:]
    rows, columns = (_window(n, at) for n, at in zip(array.shape, where, strict=True))
    cells = tuple((r, tuple((_entry(array[r, c]), not same[r, c]) for c in columns)) for r in rows)
    return Table(tuple(columns), cells, array.size > len(rows) * len(columns))


def _window(size: int, at: int) -> range:
    """Up to ``_CELLS`` positions around ``at``."""
    start = max(0, min(at - _CELLS // 2, size - _CELLS))
    return range(start, min(size, start + _CELLS))


def _entry(value: np.generic) -> str:
    value = value.item()
    return f"{value:.6g}" if isinstance(value, float) else clean(value, 40)


def is_picture(shown: Shown) -> bool:
    """Whether an array looks like images: bytes, [H, W, 3] or [N, H, W, 3], 8 px or more."""
    array = shown.array
    return (
        array is not None
        and array.dtype == np.uint8
        and array.ndim in (3, 4)
        and array.shape[-1] == 3
        and min(array.shape[-3:-1]) >= 8
        and array.size > 0
    )


def picture(shown: Shown) -> str:
    """An image or a stack of images, enlarged, side by side, as a PNG in a data URI."""
    from PIL import Image

    images = shown.array if shown.array.ndim == 4 else shown.array[None]
    images = images[:_PICTURES]
    height, width = images.shape[1:3]
    zoom = max(1, 96 // max(height, width))
    gap = np.full((height * zoom, 4, 3), 255, np.uint8)
    parts = [part for image in images for part in (image.repeat(zoom, 0).repeat(zoom, 1), gap)][:-1]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(parts, axis=1)).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


# ---- a verdict in plain text


def verdict_text(verdict: Any) -> str:
    """What one test found, as plain text: for terminals, results.json, and notebooks' outputs."""
    lines = [f"{'✓' if verdict.passed else '✗'} {verdict.sentence}"]
    if verdict.passed:
        return lines[0]
    lines += _wrapped(verdict.message)
    if verdict.place:
        lines += _wrapped(verdict.place)
    if verdict.hint:
        lines += _wrapped(f"Hint: {verdict.hint}")
    for call in verdict.calls:
        last = (
            " is the smallest input found that fails"
            if verdict.smallest and call is verdict.calls[-1]
            else ""
        )
        lines.append(f"  {call_text(call)}{last}" + (":" if call.arguments else ""))
        lines += [line for name, value in call.arguments for line in _value_lines(name, value, "    ")]
    if verdict.expected is not None:
        lines += _value_lines("expected", verdict.expected, "  ") + _value_lines("got", verdict.got, "  ")
    return "\n".join(lines)


def call_text(call: Any) -> str:
    """A call with the names of its arguments: "l1_distances(a, b)"."""
    return f"{call.text}({', '.join(name for name, _ in call.arguments)})"


def _value_lines(name: str, value: Shown, indent: str) -> list[str]:
    text = textwrap.indent(value.text, " " * (len(name) + 3)).lstrip(" ")
    note = f"   ({value.kind})" if value.kind else ""
    return textwrap.indent(f"{name} = {text}{note}", indent).splitlines()


def _wrapped(text: str) -> list[str]:
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph, 88, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )
    ]
