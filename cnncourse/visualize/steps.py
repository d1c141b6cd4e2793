"""Pictures one steps through, without a script: radio buttons, and CSS that shows the frame of the one that is chosen.

They work from disk, by click and by keyboard (arrow keys move through radio buttons). In print, and for readers who
have asked their system for less motion, the last frame stands still above all sentences.
"""

import base64
import hashlib
import io
from collections.abc import Sequence
from html import escape

from IPython.display import HTML

_STYLE = """
#ID { position: relative; max-width: 27rem; margin: 0 auto 1rem; text-align: center; }
#ID > input { position: absolute; opacity: 0; margin: 0.5rem 0 0 0.5rem; pointer-events: none; }
#ID img { display: block; width: 100%; height: auto; background: white; }
#ID .frames { margin: 0.5rem 0; }
#ID ol { text-align: left; margin: 0; padding-left: 2rem; }
#ID > input, #ID > label, #ID .turns, #ID .frames > :not(:last-child) { display: none; }
@media screen and (prefers-reduced-motion: no-preference) {
  #ID > input { display: inline-block; }
  #ID > label, #ID .turns :is(label, i) { display: inline-block; cursor: pointer;
    padding: 0.1rem 0.6rem; margin: 0.15rem; border: 1px solid currentColor; border-radius: 0.4rem; line-height: 1.6; }
  #ID > input:checked + label { background: #0072B2; color: white; }
  #ID > input:focus-visible + label { outline: 3px solid #E69F00; outline-offset: 1px; }
  #ID .turns, #ID .frames, #ID ol { display: grid; }
  #ID ol { list-style: none; padding: 0; text-align: center; }
  #ID .turns > *, #ID .frames > :nth-child(n), #ID li { display: block; grid-area: 1 / 1; visibility: hidden; }
CHOSEN { visibility: visible; }
  #ID .turns i { visibility: hidden; }
}
"""
_CHOSEN = "  #ID > input:nth-of-type(K):checked ~ * > :nth-child(K)"


def steps(frames: Sequence, sentences: Sequence[str], label: str) -> HTML:
    """Frames that a reader steps through, each with a sentence below it.

    Args:
        frames: a matplotlib Figure for each step, all of one size; or SVG, as text.
        sentences: what each frame shows.
        label: what all of them show: with the number of the step it is a frame's alternative text.

    Returns:
        The same HTML for the same content; the pictures are inside it.

    Raises:
        ValueError: there is no frame, or not one sentence for each.
    """
    if not len(frames) == len(sentences) > 0:
        raise ValueError(f"a sentence for each frame: got {len(frames)} frames, {len(sentences)} sentences")
    sources = [_source(frame) for frame in frames]
    # Of the content: two on a page do not meet, and the same one has the same name in every build.
    name = "steps-" + hashlib.sha256(repr((sources, list(sentences), label)).encode()).hexdigest()[:8]
    count, numbers = len(frames), range(1, len(frames) + 1)
    chosen = ",\n".join(_CHOSEN.replace("K", str(number)) for number in numbers)
    style = _STYLE.replace("CHOSEN", chosen).replace("ID", name)
    buttons = "".join(
        f'<input type="radio" name="{name}" id="{name}-{number}" aria-label="Step {number} of {count}"'
        f'{" checked" * (number == 1)}><label for="{name}-{number}">{number}</label>'
        for number in numbers
    )
    turns = "".join(
        f"<span>{_turn(name, number - 1, count, '‹ back')}{_turn(name, number + 1, count, 'next ›')}</span>"
        for number in numbers
    )
    images = "".join(
        f'<img src="{source}" alt="{escape(f"{label}, step {number} of {count}")}">'
        for number, source in zip(numbers, sources, strict=True)
    )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return HTML(
        f'<div id="{name}" class="steps" role="group" aria-label="{escape(label)}"><style>{style}</style>{buttons}'
        f'<div class="turns" aria-hidden="true">{turns}</div><div class="frames">{images}</div>'
        f'<ol aria-live="polite">{said}</ol></div>'
    )


def _turn(name: str, number: int, count: int, word: str) -> str:
    """A second label of a neighbour's button, near the picture; where there is no neighbour, an empty place."""
    return f'<label for="{name}-{number}">{word}</label>' if 1 <= number <= count else f"<i>{word}</i>"


def _source(frame) -> str:
    """A frame as a data URL."""
    if isinstance(frame, str):
        kind, data = "svg+xml", frame.encode()
    else:
        kind, buffer = "png", io.BytesIO()
        frame.savefig(buffer, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True})
        data = buffer.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
