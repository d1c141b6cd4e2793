"""What the author of a graded test writes: exercises, their points, hints.

The docstring of a test is the sentence that the student reads, so it says what should hold.
"""

from dataclasses import dataclass
from fractions import Fraction

_VULGAR = {
    Fraction(1, 2): "½", Fraction(1, 3): "⅓", Fraction(2, 3): "⅔", Fraction(1, 4): "¼", Fraction(3, 4): "¾",
    Fraction(1, 5): "⅕", Fraction(2, 5): "⅖", Fraction(3, 5): "⅗", Fraction(4, 5): "⅘", Fraction(1, 6): "⅙",
    Fraction(5, 6): "⅚", Fraction(1, 7): "⅐", Fraction(1, 8): "⅛", Fraction(3, 8): "⅜", Fraction(5, 8): "⅝",
    Fraction(7, 8): "⅞", Fraction(1, 9): "⅑", Fraction(1, 10): "⅒",
}  # fmt: skip


@dataclass(frozen=True)
class Exercise:
    """A name of the submission and what it is worth. Its tests share the points equally."""

    name: str
    points: Fraction


def exercise(name: str, points: int | Fraction):
    """Marks a test class as the tests of one exercise, worth ``points`` in all.

    Every test of the class is worth the same, in exact fractions; a parametrised test counts once per case.
    """

    def mark(cls: type) -> type:
        cls.exercise = Exercise(name, Fraction(points))
        return cls

    return mark


def hint(text: str):
    """Says what to try when the test fails. Goes above ``@given`` or below it."""

    def mark(test):
        test.hint = text
        return test

    return mark


def points_text(points: Fraction) -> str:
    """Points as people write them: ``2``, ``2⅔``, and ``1.86`` where there is no such sign."""
    whole, part = divmod(Fraction(points), 1)
    if part and part not in _VULGAR:
        return f"{float(points):.2f}"
    return f"{whole if whole or not part else ''}{_VULGAR.get(part, '')}"
