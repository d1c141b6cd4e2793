"""Comparing what a submission returned with what is right, so that the difference can be shown.

Both functions take numpy arrays, torch tensors, numbers, strings, booleans, None, and lists, tuples and
dictionaries of these. Types have been checked before: ``returns=`` does that.
"""

from typing import Any

import numpy as np

from cnncourse.grading.arrays import is_array, to_numpy
from cnncourse.grading.shown import snapshot


class Failure(AssertionError):
    """A test that failed for a reason its student can read.

    Failures with one ``cause`` have one origin, whichever test they come from; "" when nothing is known of it.
    ``says_all``: what a test wants to hint at has nothing to do with this.
    """

    def __init__(self, message: str = "", cause: str = "", says_all: bool = False):
        super().__init__(message)
        self.cause, self.says_all = cause, says_all

    def says(self) -> dict[str, Any]:
        """What a verdict says of it: fields of ``verdict.Verdict``."""
        return {"message": str(self), "cause": self.cause, "says_all": self.says_all}


class Mismatch(Failure):
    """A value that is not the expected one.

    ``where`` is the first index that differs (None for single values), ``different`` of ``total`` entries do.
    """

    def __init__(self, message: str, expected: Any, got: Any, where=None, different: int = 1, total: int = 1):
        super().__init__(message)
        self.expected, self.got = expected, got
        self.where, self.different, self.total = where, different, total

    def says(self) -> dict[str, Any]:
        """The message, and both values as they are shown."""
        both = {"expected": snapshot(self.expected, self.where), "got": snapshot(self.got, self.where)}
        return super().says() | both


def assert_equal(got: Any, expected: Any, what: str = "") -> None:
    """Raises Mismatch unless ``got`` equals ``expected`` throughout (NaN equals NaN). ``what`` names it."""
    _compare(got, expected, what, _equal)


def assert_close(got: Any, expected: Any, rtol: float = 1e-5, atol: float = 1e-8, what: str = "") -> None:
    """Raises Mismatch where ``abs(got - expected) > atol + rtol * abs(expected)``. ``what`` names it."""

    def close(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
        # float64 holds every difference of floats; integers beyond 2**53 are compared exactly first
        with np.errstate(all="ignore"):
            near = np.isclose(got.astype(np.float64), expected.astype(np.float64), rtol, atol, equal_nan=True)
        return near | _equal(got, expected)

    _compare(got, expected, what, close)


def _equal(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    same = got == expected
    if got.dtype.kind in "fc" and expected.dtype.kind in "fc":
        same |= np.isnan(got) & np.isnan(expected)
    return same


def _compare(got, expected, what, same) -> None:
    if isinstance(expected, list | tuple):
        _compare_sequences(got, expected, what, same)
    elif isinstance(expected, dict):
        _compare_mappings(got, expected, what, same)
    elif is_array(expected) or is_array(got):
        _compare_arrays(got, expected, what, same)
    elif isinstance(expected, int | float) and isinstance(got, int | float):
        # equal first: a whole number may be too large for an array
        if got != expected and not (isinstance(got, float) and same(np.float64(got), np.float64(expected))):
            raise Mismatch("{}{}, expected {}".format(_name(what), *_pair_text(got, expected)), expected, got)
    elif type(got) is not type(expected) or got != expected:
        raise Mismatch(f"{_name(what)}{got!r}, expected {expected!r}", expected, got)


def _compare_sequences(got, expected, what, same) -> None:
    if not isinstance(got, list | tuple) or len(got) != len(expected):
        count = len(got) if isinstance(got, list | tuple) else "no"
        raise Mismatch(f"{_name(what)}{count} items, expected {len(expected)}", expected, got)
    for position, (one, other) in enumerate(zip(got, expected, strict=True)):
        _compare(one, other, f"{what or 'the result'}[{position}]", same)


def _compare_mappings(got, expected, what, same) -> None:
    if not isinstance(got, dict) or got.keys() != expected.keys():
        keys = sorted(map(str, got)) if isinstance(got, dict) else got
        raise Mismatch(f"{_name(what)}the keys {keys}, expected {sorted(map(str, expected))}", expected, got)
    for key in expected:
        _compare(got[key], expected[key], f"{what or 'the result'}[{key!r}]", same)


def _compare_arrays(got, expected, what, same) -> None:
    one, other = to_numpy(got), to_numpy(expected)
    if one.shape != other.shape:
        remark = shape_remark(one.shape, other.shape)
        message = f"{_name(what)}an array of shape {one.shape}, expected {other.shape}{remark}"
        raise Mismatch(message, expected, got)
    differs = ~np.atleast_1d(same(one, other))
    different = int(differs.sum())
    if not different:
        return
    where = tuple(int(i) for i in np.argwhere(differs)[0]) if one.ndim else None
    raise Mismatch(
        _difference(one, other, what, where, different, same), expected, got, where, different, one.size
    )


def _difference(one, other, what, where, different, same) -> str:
    first, right = (one[where], other[where]) if where is not None else (one, other)
    text = "got {}, expected {}".format(*_pair_text(first, right))
    if where is not None:
        first_of = f"{different} of {one.size} entries differ, the first " if one.size > 1 else ""
        text = f"{first_of}at {index_text(where)}: {text}"
    text = f"{what}: {text}" if what else text
    if one.ndim == 2 and one.shape[0] == one.shape[1] and one.size > 1 and same(one.T, other).all():
        text += "; these are the expected values with rows and columns swapped"
    return text


def shape_remark(got: tuple, expected: tuple) -> str:
    """What went wrong with a shape, where that can be told from the shapes."""
    if len(got) == len(expected) == 2 and tuple(reversed(got)) == tuple(expected):
        return ": rows and columns are swapped"
    if len(got) == len(expected) and sorted(got) == sorted(expected):
        return ": the axes are in another order"
    if [n for n in got if n != 1] == [n for n in expected if n != 1]:
        return (
            ": there is an axis of length 1 too many"
            if len(got) > len(expected)
            else ": an axis of length 1 is missing"
        )
    return ""


def index_text(index: tuple) -> str:
    """An index as one writes it: ``[0, 3]``."""
    return "[" + ", ".join(map(str, index)) + "]"


def _pair_text(got: Any, expected: Any) -> tuple[str, str]:
    """Two numbers in a sentence: floats with six digits, and with all where six would hide the difference."""
    pair = [value.item() if hasattr(value, "item") else value for value in (got, expected)]
    short = tuple(f"{value:.6g}" if isinstance(value, float) else str(value) for value in pair)
    return short if short[0] != short[1] else (repr(pair[0]), repr(pair[1]))


def _name(what: str) -> str:
    return f"{what}: got " if what else "got "
