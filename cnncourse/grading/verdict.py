"""What a test found, as plain data: nothing in it belongs to the submission."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cnncourse.grading.shown import Shown


@dataclass(frozen=True)
class Call:
    """One call as it was made: ``text`` as one writes it ("model.predict"), arguments by their names."""

    text: str
    arguments: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Verdict:
    """What one test found."""

    exercise: str
    name: str
    sentence: str
    points: Fraction  # what passing is worth
    passed: bool = False
    message: str = "This test did not run to its end."
    hint: str = ""
    place: str = ""  # the student's line that raised
    calls: tuple[Call, ...] = ()  # the input that failed, arguments as Shown
    smallest: bool = False  # whether smaller inputs were tried, and passed
    expected: Shown | None = None
    got: Shown | None = None
    unwritten: bool = False  # it is still `raise NotImplementedError`
    broken: bool = False  # the test itself failed: its author's fault, not the student's
    cause: str = ""  # one for all failures of one origin
    says_all: bool = False  # the hint adds nothing to the message
