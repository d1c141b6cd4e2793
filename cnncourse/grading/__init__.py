"""Grading: notebooks in, verdicts out.

The names here are what the author of a graded test imports, and ``check`` for notebooks.
"""

from cnncourse.grading.check import check
from cnncourse.grading.compare import assert_close, assert_equal
from cnncourse.grading.exercise import exercise, hint
from cnncourse.grading.specs import array, boolean, handle, mapping, nothing, number, sequence, string

__all__ = [
    "array",
    "assert_close",
    "assert_equal",
    "boolean",
    "check",
    "exercise",
    "handle",
    "hint",
    "mapping",
    "nothing",
    "number",
    "sequence",
    "string",
]
