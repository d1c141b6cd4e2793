"""Values as they are shown: kept apart from what they show, and made harmless.

Escaping belongs to the writer of each format; what no format may contain (control characters, invisible marks that
reorder text, megabytes) is taken out by ``clean``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnncourse.grading.arrays import is_array, to_numpy

_LONGEST = 2000  # characters of a text


_LARGEST = 65_536  # entries of an array that is kept


_ENTRIES = 64  # entries of an array in text


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
    """The entries of an array of any shape; where they are many, some, or what there is to say of them all."""
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
