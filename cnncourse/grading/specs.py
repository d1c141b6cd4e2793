"""What a test may get back, checked by exact type before anything is compared.

A spec checks a value that has come through the channel, and raises ``Failure`` with a sentence for the
student. ``check(value, what)`` names the value, such as "`nearest` returned", and reads on: "float64,
expected int64".
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cnncourse.grading.arrays import to_numpy
from cnncourse.grading.compare import Failure, index_text, shape_remark
from cnncourse.grading.seam import Ref


class Spec(Protocol):
    """Anything that ``returns=`` takes. A plain tuple of specs stands for a tuple of such values."""

    def check(self, value: Any, what: str) -> None:
        """Raises Failure when the value is not of this kind."""


def array(
    kind: str = "numpy",
    dtypes: Sequence[str] = (),
    shape: tuple[int | None, ...] | None = None,
    finite: bool = True,
    device: str | None = None,
) -> Spec:
    """A numpy array or a torch tensor (``kind="torch"``).

    ``dtypes`` are the allowed ones by name ("int64"; none means any), None in ``shape`` is any size,
    ``finite`` forbids NaN and infinity, ``device`` is the type of device a tensor must be on ("cpu", "cuda").
    """
    return _Array(kind, tuple(dtypes), shape, finite, device)


def number(*kinds: type, finite: bool = True) -> Spec:
    """A Python or numpy number, neither array nor boolean. ``kinds`` is int, float or both (the default)."""
    return _Number(kinds or (int, float), finite)


def boolean() -> Spec:
    """True or False, Python's or numpy's."""
    return _Exact((bool, np.bool_), "True or False")


def string() -> Spec:
    """A Python string."""
    return _Exact((str,), "a string")


def nothing() -> Spec:
    """None: the function works by what it changes."""
    return _Exact((type(None),), "nothing (None)")


def sequence(*items: Spec, of: Spec | None = None, length: int | None = None) -> Spec:
    """A list or tuple: of exactly these ``items``, or of any number (or ``length``) of values like ``of``."""
    return _Sequence(items, of, len(items) if items else length)


def mapping(items: dict[str, Spec] | None = None, of: Spec | None = None) -> Spec:
    """A dictionary: with exactly these keys, or with any keys and values each like ``of``."""
    return _Mapping(items, of)


def handle(type: str = "") -> Spec:
    """An object that stays with the submission, of a class of this name (any, when empty)."""
    return _Handle(type)


def check(spec: Spec | tuple | None, value: Any, what: str) -> None:
    """Checks a value against a spec or a plain tuple of specs; None allows anything."""
    if isinstance(spec, tuple):
        spec = sequence(*spec)
    if spec is not None:
        spec.check(value, what)


def describe(value: Any) -> str:
    """What a value is, in a student's words: "an array of int64 of shape (2, 3)", "a list of 2 items"."""
    if _kind(value) == "torch":
        return f"a torch tensor of {_dtype(value)} of shape {tuple(value.shape)}"
    if type(value) is np.ndarray:
        return f"a numpy array of {value.dtype} of shape {value.shape}"
    if isinstance(value, np.generic):
        return f"a single numpy number of {value.dtype}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)} item{'s' * (len(value) != 1)}"
    if isinstance(value, Ref):
        return f"an object of class {value.type}"
    if value is None:
        return "nothing (None)"
    names = {bool: "the boolean", int: "the whole number", float: "the number", str: "the string"}
    text = repr(value)
    return f"{names.get(type(value), type(value).__name__)} {text if len(text) < 60 else text[:57] + '...'}"


@dataclass(frozen=True)
class _Array:
    kind: str
    dtypes: tuple[str, ...]
    shape: tuple[int | None, ...] | None
    finite: bool
    device: str | None

    def check(self, value, what):
        if _kind(value) != self.kind:
            expected = "a torch tensor" if self.kind == "torch" else "a numpy array"
            raise _wrong_kind(f"{what} {describe(value)}, expected {expected}", value)
        noun = "a tensor" if self.kind == "torch" else "an array"
        if self.dtypes and _dtype(value) not in self.dtypes:
            message = f"{what} {noun} of {_dtype(value)}, expected {' or '.join(self.dtypes)}"
            raise Failure(message, cause="dtype")
        if self.device and value.device.type != self.device:
            found = value.device.type
            raise Failure(f"{what} a tensor on '{found}', expected '{self.device}', where its inputs are")
        self._check_shape(tuple(value.shape), what, noun)
        if self.finite:
            self._check_finite(to_numpy(value), what)

    def _check_shape(self, shape, what, noun):
        if self.shape is None:
            return
        same_axes = len(shape) == len(self.shape)
        if not same_axes or any(n not in (None, m) for m, n in zip(shape, self.shape, strict=True)):
            sizes = ", ".join("any" if n is None else str(n) for n in self.shape)
            remark = "" if None in self.shape else shape_remark(shape, self.shape)
            expected = f"({sizes}{',' * (len(self.shape) == 1)}){remark}"
            raise Failure(f"{what} {noun} of shape {shape}, expected {expected}")

    def _check_finite(self, value, what):
        if value.dtype.kind not in "fc" or np.isfinite(value).all():
            return
        where = np.argwhere(~np.isfinite(np.atleast_1d(value)))[0]
        bad = "NaN" if np.isnan(np.atleast_1d(value)[tuple(where)]) else "infinity"
        raise Failure(
            f"{what} values that contain {bad}{f' at {index_text(tuple(where))}' if value.ndim else ''}"
        )


@dataclass(frozen=True)
class _Number:
    kinds: tuple[type, ...]
    finite: bool

    def check(self, value, what):
        plain = value.item() if isinstance(value, np.generic) else value
        if type(plain) not in self.kinds:
            expected = {(int,): "a whole number (int)", (float,): "a number (float)"}.get(
                self.kinds, "a number"
            )
            remark = ""
            if getattr(value, "ndim", None) == 0:
                remark = ": `.item()` takes the number out"
            elif type(plain) is float:
                remark = ": `//` divides to a whole number, `/` does not"
            raise _wrong_kind(f"{what} {describe(value)}, expected {expected}{remark}", value)
        if self.finite and type(plain) is float and not math.isfinite(plain):
            raise Failure(f"{what} {plain}, expected a finite number")


@dataclass(frozen=True)
class _Exact:
    types: tuple[type, ...]
    expected: str

    def check(self, value, what):
        if type(value) not in self.types:
            raise _wrong_kind(f"{what} {describe(value)}, expected {self.expected}", value)


@dataclass(frozen=True)
class _Sequence:
    items: tuple[Spec, ...]
    of: Spec | None
    length: int | None

    def check(self, value, what):
        if type(value) not in (list, tuple):
            expected = f"{self.length} values (a tuple)" if self.items else "a list"
            raise _wrong_kind(f"{what} {describe(value)}, expected {expected}", value)
        if self.length is not None and len(value) != self.length:
            raise Failure(f"{what} {len(value)} value{'s' * (len(value) != 1)}, expected {self.length}")
        specs = self.items or (self.of,) * len(value)
        for position, (item, spec) in enumerate(zip(value, specs, strict=True)):
            check(spec, item, f"{what}, as value {position + 1} of {len(value)},")


@dataclass(frozen=True)
class _Mapping:
    items: dict[str, Spec] | None
    of: Spec | None

    def check(self, value, what):
        if type(value) is not dict:
            raise _wrong_kind(f"{what} {describe(value)}, expected a dictionary", value)
        if self.items is not None and set(value) != set(self.items):
            missing = [f"lacks the key {key!r}" for key in self.items if key not in value]
            extra = [f"has a key {key!r} too many" for key in value if key not in self.items]
            raise Failure(f"{what} a dictionary that {', '.join(missing + extra)}")
        for key, item in value.items():
            check(
                self.items[key] if self.items is not None else self.of,
                item,
                f"{what}, under the key {key!r},",
            )


@dataclass(frozen=True)
class _Handle:
    type: str

    def check(self, value, what):
        if type(value) is not Ref or (self.type and value.type != self.type):
            expected = f"an object of class {self.type}" if self.type else "an object"
            raise _wrong_kind(f"{what} {describe(value)}, expected {expected}", value)


def _kind(value: Any) -> str:
    """ "numpy" or "torch" for exactly these types, else "". Without importing torch where nobody has."""
    if type(value) is np.ndarray:
        return "numpy"
    wire = sys.modules.get("cnncourse.grading.isolation.wire")  # whatever is checked came through it
    return "torch" if wire is not None and type(value) in wire.TENSORS else ""


def _dtype(value: Any) -> str:
    return str(value.dtype).removeprefix("torch.")


def _wrong_kind(message: str, value: Any) -> Failure:
    """A value that is not even of the kind that was asked for: what it should be equal to is no matter yet."""
    if value is None:
        message += ". Is the `return` missing?"
    return Failure(message, cause="kind", says_all=True)
