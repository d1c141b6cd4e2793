"""How far a value of a deep layer sees: pictures one steps through, layer by layer (lecture A8).

The frames are SVG; all numbers are in the last one, too.
"""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML
from torch import nn

from cnncourse.classification.accounting import receptive_field
from cnncourse.classification.profile import Field
from cnncourse.classification.summary import describe, summary_rows
from cnncourse.visualize.figure import BLUE, ORANGE, VERMILLION
from cnncourse.visualize.steps import steps

WIDTH = 400  # of the drawings, in units that are pixels on a phone
INK, PALE = "#222222", "#e4e4e4"
Layers = Sequence[tuple[int, int, int]]


def growing_field(layers: Layers, names: Sequence[str] | None = None) -> HTML:
    """A stack of layers from the side, one axis of the maps: what one value of each sees of the image below.

    Frame k marks one value behind layer k, the values that it is computed from, theirs, and so on down to the
    pixels. The place is far from the image's border.

    Args:
        layers: (kernel, stride, padding) of each, first to last.
        names: what the layers are called; by default "layer 1: 3×3" and so on.
    """
    names = names or [f"layer {k}: {kernel}×{kernel}" for k, (kernel, _, _) in enumerate(layers, 1)]
    fields = [Field(*receptive_field(layers[:k])) for k in range(len(layers) + 1)]
    ground = _Ground(fields[-1])
    tops = [24 + 56 * (len(layers) - k) for k in range(len(layers) + 1)]  # the image lies at the bottom
    still = "".join(
        _row(ground, field, top, name)
        for field, top, name in zip(fields, tops, ["image", *names], strict=True)
    )
    frames = [
        _svg(still, "".join(_cone(ground, fields, tops, seen)), tops[0] + 30)
        for seen in map(seen_by_one, _prefixes(layers))
    ]
    sentences = [
        f"Behind {name} one value sees {f.size} pixels." for name, f in zip(names, fields[1:], strict=True)
    ]
    return steps(frames, sentences, f"{len(layers)} layers, one above the other, over a row of pixels")


def seen_by_one(layers: Layers) -> list[tuple[int, int]]:
    """The positions that the value at position 0 behind the last layer depends on, from the image upwards.

    Returns:
        For the image and each layer the first and the last position: [(3 layers of 3x3, padded by 1)]
        gives [(-3, 3), (-2, 2), (-1, 1), (0, 0)].
    """
    low = high = 0
    seen = [(low, high)]
    for kernel, stride, padding in reversed(layers):
        low, high = low * stride - padding, high * stride - padding + kernel - 1
        seen.insert(0, (low, high))
    return seen


def _prefixes(layers: Layers) -> list[Layers]:
    return [layers[:k] for k in range(1, len(layers) + 1)]


class _Ground:
    """From pixels of the image to units of the drawing: the last field in the middle, a little around it."""

    def __init__(self, last: Field):
        around = max(1.0, 0.12 * last.size)
        self.first, self.end = last.start - around, last.start + last.size + around
        self.unit = (WIDTH - 8) / (self.end - self.first)

    def x(self, pixel: float) -> float:
        return 4 + (pixel - self.first) * self.unit

    def cell(self, field: Field, position: int) -> tuple[float, float]:
        """Left and right of a value: as wide as the steps of its map, in the middle of what it sees."""
        middle = field.start + position * field.stride + field.size / 2
        return self.x(middle - field.stride / 2), self.x(middle + field.stride / 2)

    def positions(self, field: Field) -> range:
        """All that lie in the drawing as a whole."""
        offset = field.start + field.size / 2
        first = -(-(self.first - offset + field.stride / 2) // field.stride)
        last = (self.end - offset - field.stride / 2) // field.stride
        return range(int(first), int(last) + 1)


HEIGHT = 18  # of a value


def _cells(ground: _Ground, field: Field, positions, top: float, fill: str) -> str:
    rectangles = []
    for position in positions:
        left, right = ground.cell(field, position)
        rectangles.append(
            f'<rect x="{left + 1:.1f}" y="{top}" width="{right - left - 2:.1f}" height="{HEIGHT}"/>'
        )
    return f'<g fill="{fill}">{"".join(rectangles)}</g>'


def _row(ground: _Ground, field: Field, top: float, name: str) -> str:
    sees = f"sees {field.size}" if field.size > 1 else "pixels"
    return (
        _cells(ground, field, ground.positions(field), top, PALE)
        + f'<text x="4" y="{top - 6}">{escape(name)}</text>'
        + f'<text x="{WIDTH - 4}" y="{top - 6}" text-anchor="end">{sees}</text>'
    )


def _cone(ground: _Ground, fields: Sequence[Field], tops: Sequence[float], seen) -> list[str]:
    """What one value sees, row by row, and between the rows its outline; ``seen`` is of the layers so far."""
    # Of the values of this layer take the one nearest the middle of the drawing.
    field, middle = fields[len(seen) - 1], (ground.first + ground.end) / 2
    chosen = min(
        ground.positions(field), key=lambda p: abs(field.start + p * field.stride + field.size / 2 - middle)
    )
    parts, spans = [], []
    for k, (low, high) in enumerate(seen):
        steps = chosen * field.stride // fields[k].stride  # the chosen position, counted in this map's steps
        low, high = low + steps, high + steps
        colour = VERMILLION if k == len(seen) - 1 else ORANGE if k else BLUE
        parts.append(_cells(ground, fields[k], range(low, high + 1), tops[k], colour))
        spans.append((ground.cell(fields[k], low)[0], ground.cell(fields[k], high)[1]))
    for k in range(1, len(spans)):
        (left, right), (below_left, below_right) = spans[k], spans[k - 1]
        y, below = tops[k] + HEIGHT, tops[k - 1]
        corners = f"{left:.1f},{y} {right:.1f},{y} {below_right:.1f},{below} {below_left:.1f},{below}"
        parts.append(f'<polygon points="{corners}" fill="{ORANGE}" fill-opacity="0.25"/>')
    return parts


# ------------------------------------------------------------------------------------------ a network, on a picture
def field_on_image(model: nn.Module, image: np.ndarray) -> HTML:
    """The square of an image that the middle value of each layer of a network sees, layer after layer.

    Below it the layers are listed with the side of their squares, in pixels. Layers that see no more than the one
    before are left out; a square larger than the image reaches into the padding.

    Args:
        image: uint8 [S, S, 3]; S is the network's input size.
    """
    side = len(image)
    rows = growing_rows(model, side)
    extent = max(side, rows[-1][1])
    scale = 260 / extent
    middle = WIDTH / 2
    still = [
        f'<rect x="{middle - 136}" y="4" width="272" height="272" fill="#f2f2f2"/>',
        f'<image x="{middle - scale * side / 2:.1f}" y="{140 - scale * side / 2:.1f}" width="{scale * side:.1f}" '
        f'height="{scale * side:.1f}" href="{_jpeg(image)}"/>',
    ]
    lines = -(-len(rows) // 2)
    moving, sentences = [], []
    for number, (name, size) in enumerate(rows):
        x, y = 10 + WIDTH / 2 * (number // lines), 304 + 20 * (number % lines)
        still.append(_square(middle, scale * size, "white", 0.8))
        still.append(_line_of_table(x, y, name, size))
        sentences.append(f"{name} sees a square of {size} pixels.")
        moving.append(
            f'<rect x="{x - 8}" y="{y - 15}" width="{WIDTH / 2 - 6}" height="20" fill="{ORANGE}" '
            'fill-opacity="0.4" style="mix-blend-mode: multiply"/>'
            + _square(middle, scale * size, VERMILLION, 4)
        )
    frames = [_svg("".join(still), one, 304 + 20 * lines) for one in moving]
    return steps(frames, sentences, f"Squares that grow around the middle of an image of {side} pixels")


def growing_rows(model: nn.Module, input_size: int) -> list[tuple[str, int]]:
    """Name and receptive field of each layer of a network that sees more than all before it."""
    kinds = {"convolution": "conv", "pooling": "pool", "block": "block", "fully connected": "fc"}
    counts, found, largest = dict.fromkeys(kinds.values(), 0), [], 1
    for row in summary_rows(model, input_size):
        kind = kinds[describe(row.module)[1]]
        if row.field.size > largest:
            counts[kind] += 1
            found.append((f"{kind} {counts[kind]}", row.field.size))
            largest = row.field.size
    return found


def _square(middle: float, side: float, colour: str, width: float) -> str:
    return (
        f'<rect x="{middle - side / 2:.1f}" y="{140 - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="{width}"/>'
    )


def _line_of_table(x: float, y: float, name: str, size: int) -> str:
    return (
        f'<text x="{x}" y="{y}">{name}</text><text x="{x + 160}" y="{y}" text-anchor="end">{size} px</text>'
    )


def _jpeg(image: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _svg(still: str, moving: str, height: float) -> str:
    """A frame: what stands in every one, and over it what stands in this one alone."""
    # Twice as many pixels as units: opened by itself it is larger than on the page.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{2 * WIDTH}" '
        f'height="{2 * height:g}" font-size="14" font-family="sans-serif" fill="{INK}">'
        f'<rect width="100%" height="100%" fill="white"/>{still}<g class="moving">{moving}</g></svg>'
    )
