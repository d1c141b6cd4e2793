"""Verdicts and values as people read them: text, tables, pictures."""

import base64
import io
import textwrap
from dataclasses import dataclass

import numpy as np

from cnncourse.grading.shown import Shown, clean
from cnncourse.grading.verdict import Call, Verdict

_CELLS = 10  # rows and columns of a table
_PICTURES = 8  # images side by side


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


def verdict_text(verdict: Verdict) -> str:
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


def call_text(call: Call) -> str:
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
