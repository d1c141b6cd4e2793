"""Requests carried out on a submission's namespace: in the worker, and behind ``check`` in a notebook."""

import builtins
import difflib
import inspect
import io
import linecache
import random
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
import torch

from cnncourse.grading.isolation import wire
from cnncourse.grading.seam import Ref, RemoteError, Reply

MAX_PRINTED = 10_000  # characters of output kept for one request


class Refused(Exception):
    """A request that the submission cannot answer, for a reason of the student's making."""

    def __init__(self, type: str, message: str, hint: str | None = None):
        super().__init__(message)
        self.error = RemoteError(type, (type,), message, hint=hint)


class Session:
    """Carries out requests on a namespace.

    Args:
        namespace: the names of the submission; its own classes are those whose module is its ``__name__``.
        skipped: names that were not defined, and why.
        cells: the number of the cell that each code file name stands for, where it has one.
        missing: what more is known of a name that is not there.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        skipped: Mapping[str, str] | None = None,
        cells: Mapping[str, int | None] | None = None,
        missing: Callable[[str], str | None] = lambda name: None,
    ):
        self.namespace = namespace
        self.skipped = {} if skipped is None else skipped
        self.cells = {} if cells is None else cells
        self._more = missing
        self.printed = ""  # what the last request printed, at most MAX_PRINTED characters
        self._objects: list[Any] = []
        self._seed = 0
        self._operations: dict[str, Callable] = {
            "call": self._call,
            "create": self._create,
            "get": lambda handle, name: self._attribute(self._object(handle), name),
            "load_state_dict": self._load_state_dict,
            "state_dict": lambda handle: dict(self._object(handle).state_dict()),
            "vjp": self._vjp,
            "seed": self._set_seed,
            "names": self._names,
        }

    def answer(self, frame: bytes, devices: tuple[str, ...] = ("cpu",)) -> bytes:
        """The reply to one request, both as frames; tensors may be on these types of device."""
        id, op, payload = wire.decode_request(frame, devices)
        return self.frame(id, lambda: self.handle(op, payload))

    def frame(self, id: int, handle: Callable[[], Reply]) -> bytes:
        """The reply that ``handle`` gives as a frame; an error instead when it gives none that travels."""
        try:
            return wire.encode_reply(id, handle())
        except wire.Unsupported as unsupported:
            message = (
                f"the result is or contains {unsupported}. Results can be numbers (not complex ones), arrays and "
                "tensors of them, text, True, False, None, and tuples, lists and dictionaries of these"
            )
            error = RemoteError("TypeError", ("TypeError",), message)
        except BaseException as raised:  # an object of the student's that breaks when it is looked at
            text = f"the request could not be carried out: {wire.type_name(raised)}: {message_of(raised)}"
            error = RemoteError("RuntimeError", ("RuntimeError",), clip(text))
        return wire.encode_reply(id, Reply(error=error))

    def handle(self, op: str, payload: dict[str, Any]) -> Reply:
        """Carries out one request. Whatever the student's code raises is in the reply."""
        before = {name: _digest(value) for name, value in _arguments(payload).items()}
        value, error, changed = None, None, ()
        with quiet() as output:
            self._seed_generators()
            try:
                payload = self._resolve(payload)
                value = self._export(self._operations[op](**payload))
            except Refused as refused:
                error = refused.error
            except BaseException as raised:  # a student may raise anything, SystemExit included
                error = self._describe(raised)
            after = _arguments(payload)
            changed = tuple(
                n for n, argument in after.items() if _digest(self._export(argument)) != before[n]
            )
        self.printed = output.text
        return Reply(value, error, changed)

    # ---- operations

    def _call(
        self, name: str | None, args: tuple = (), kwargs: dict | None = None, handle: int | None = None
    ):
        function = self._find(name, handle)
        return self._run(function, name, args, kwargs or {})

    def _create(self, name: str, args: tuple = (), kwargs: dict | None = None) -> Ref:
        return self._keep(self._run(self._find(name, None), name, args, kwargs or {}))

    def _load_state_dict(self, handle: int, state: dict[str, torch.Tensor]) -> None:
        self._object(handle).load_state_dict(state)

    def _vjp(self, name, cotangents: tuple, args: tuple = (), kwargs=None, handle: int | None = None) -> dict:
        function = self._find(name, handle)
        args = _map(lambda t: t.detach().requires_grad_() if t.is_floating_point() else t, args)
        owner = None if handle is None else self._object(handle)
        parameters = dict(owner.named_parameters()) if isinstance(owner, torch.nn.Module) else {}
        outputs = self._run(function, name, args, kwargs or {})
        outputs = tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
        product = _product(outputs, cotangents)
        leaves = [t for t in _tensors(args) if t.requires_grad]
        wanted = leaves + [p for p in parameters.values() if p.requires_grad]
        found = torch.autograd.grad(product, wanted, allow_unused=True)
        gradients = {id(t): g for t, g in zip(wanted, found, strict=True)}
        return {
            "outputs": _map(lambda t: t.detach(), outputs),
            "args": _map(lambda t: gradients.get(id(t)), args, other=lambda _: None),
            "parameters": {name: gradients.get(id(p)) for name, p in parameters.items()},
        }

    def _set_seed(self, seed: int) -> None:
        self._seed = seed
        self._seed_generators()

    def _names(self) -> list[str]:
        return sorted(own_names(self.namespace))

    # ---- finding names and objects

    def _find(self, name: str | None, handle: int | None) -> Any:
        if handle is not None:
            owner = self._object(handle)
            return owner if name is None else self._attribute(owner, name)
        if name in self.namespace:
            return self.namespace[name]
        raise Refused("NameError", f"`{name}` is not defined", self._missing(name))

    def _attribute(self, owner: Any, name: str) -> Any:
        try:
            return getattr(owner, name)
        except AttributeError:
            if hasattr(type(owner), name):  # a property that failed inside
                raise
        near = _nearest(name, dir(owner))
        message = f"`{wire.type_name(owner)}` has no method or attribute `{name}`"
        raise Refused("AttributeError", message, near and f"did you mean `{near}`?")

    def _missing(self, name: str) -> str | None:
        if name in self.skipped:
            return f"`{name}` was not defined: {self.skipped[name]}"[: wire.MAX_TEXT]
        near = _nearest(name, [n for n, value in self.namespace.items() if callable(value)])
        unseen = self._more(name)
        return unseen[: wire.MAX_TEXT] if unseen and not near else near and f"did you mean `{near}`?"

    def _run(self, function: Any, name: str | None, args: tuple, kwargs: dict) -> Any:
        """Calls a function; says what its signature is when it does not fit the call."""
        if not callable(function):
            what = f"`{name}` is no function or class but a `{wire.type_name(function)}`"
            raise Refused("TypeError", what)
        try:
            inspect.signature(function).bind(*args, **kwargs)
        except TypeError as error:
            given = ", ".join(["..."] * len(args) + [f"{key}=..." for key in kwargs])
            signature = f"{name or 'it'}{inspect.signature(function)}"
            hint = f"your signature is `{signature}`, and the test calls `{name or 'it'}({given})`"
            raise Refused("TypeError", f"the call does not fit: {error}", hint[: wire.MAX_TEXT]) from None
        except ValueError:
            pass  # a builtin without a signature
        return function(*args, **kwargs)

    def _object(self, handle: int) -> Any:
        if type(handle) is not int or not 0 <= handle < len(self._objects):
            raise Refused("LookupError", f"there is no object {handle}")
        return self._objects[handle]

    def _keep(self, value: Any) -> Ref:
        for number, known in enumerate(self._objects):
            if known is value:
                return Ref(number, wire.type_name(value))
        self._objects.append(value)
        return Ref(len(self._objects) - 1, wire.type_name(value))

    def _export(self, value: Any, depth: int = 0) -> Any:
        """The value with objects of the student's own classes, modules and generators replaced by references."""
        kind = type(value)
        if kind in (tuple, list) and depth < wire.MAX_DEPTH:
            return kind(self._export(item, depth + 1) for item in value)
        if kind is dict and depth < wire.MAX_DEPTH:
            return {key: self._export(item, depth + 1) for key, item in value.items()}
        if (
            issubclass(kind, tuple) and hasattr(kind, "_fields") and depth < wire.MAX_DEPTH
        ):  # a NamedTuple is a tuple
            return tuple(self._export(item, depth + 1) for item in tuple.__iter__(value))
        own = type.__dict__["__dict__"].__get__(kind).get("__module__") == self.namespace.get("__name__")
        if own or issubclass(kind, torch.nn.Module | torch.Generator):
            return self._keep(value)
        return value

    def _resolve(self, value: Any) -> Any:
        """The value with references replaced by the objects that they stand for."""
        if type(value) is Ref:
            return self._object(value.id)
        if type(value) in (tuple, list):
            return type(value)(self._resolve(item) for item in value)
        return {k: self._resolve(v) for k, v in value.items()} if type(value) is dict else value

    # ---- errors

    def _describe(self, error: BaseException) -> RemoteError:
        """An exception as text. Everything about it may be the student's: its class, its message."""
        bases = [c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins" and c is not object]
        cell, line, source = self._place(error.__traceback__)
        try:
            hint = self._hint(error)
        except BaseException:
            hint = None
        return RemoteError(
            wire.type_name(error), tuple(bases), message_of(error), cell, line, source, hint and clip(hint)
        )

    def _place(self, traceback: types.TracebackType | None) -> tuple[int | None, int | None, str | None]:
        """Cell, line and source of the innermost frame that runs the student's own code."""
        found = None, None, None
        for _ in range(100_000):  # a recursion's traceback is long
            if traceback is None:
                break
            if traceback.tb_frame.f_globals is self.namespace:
                file, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
                found = self.cells.get(file), line, clip(linecache.getline(file, line).strip()) or None
            traceback = traceback.tb_next
        return found

    def _hint(self, error: BaseException) -> str | None:
        if isinstance(error, NameError) and error.name and error.name not in self.namespace:
            return self._missing(error.name)
        said = message_of(error)
        if "before Module.__init__() call" in said:
            return "`super().__init__()` comes first in `__init__`"
        if "from 1 to 0 positional arguments" in said:
            return "torch takes these arguments by their names only, as in `dim=1`"
        if "bitwise_xor" in said or "for ^:" in said:
            return "a power is written `**`; `^` is something else"
        if isinstance(error, RecursionError):
            return "the function calls itself without end"
        if isinstance(error, MemoryError) or "can't allocate memory" in said:
            return "the code asks for more memory than there is"
        if isinstance(error, SystemExit):
            return "a function ends with `return`, not by ending the program"
        return None

    def _seed_generators(self) -> None:
        """Sets all generators: what a call draws depends on nothing that ran before it."""
        random.seed(self._seed)
        np.random.seed(self._seed % 2**32)
        torch.default_generator.manual_seed(self._seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(self._seed)


class Inert:
    """Stands for what a notebook has and grading has not (``get_ipython``, ``display``): takes all, does nothing."""

    def __call__(self, *_: object, **__: object) -> None:
        return None

    def __getattr__(self, name: str) -> "Inert":
        if name.startswith("__"):
            raise AttributeError(name)
        return self


STAND_INS = {"display": Inert(), "get_ipython": Inert}


def own_names(namespace: Mapping[str, Any]) -> list[str]:
    """The names that a submission has defined in its namespace."""
    names = (
        name for name, value in namespace.items() if type(name) is str and STAND_INS.get(name) is not value
    )
    return [name for name in names if not name.startswith("__")]


def message_of(error: BaseException) -> str:
    """What an exception says, at most ``MAX_TEXT`` characters, whatever its class does."""
    try:
        return clip(str(error))
    except BaseException as another:
        return f"(its message cannot be read: {wire.type_name(another)})"


def clip(text: str) -> str:
    """The text as it may travel: exactly a string, valid Unicode, not too long."""
    plain = str.__getitem__(text, slice(0, wire.MAX_TEXT))
    return plain.encode("utf-8", "backslashreplace").decode()[: wire.MAX_TEXT]


def _nearest(name: str, known: list[str]) -> str | None:
    """The known name that is most like this one; capitals and underscores count for nothing."""
    plain = {other.lower().replace("_", ""): other for other in known if not other.startswith("__")}
    near = difflib.get_close_matches(name.lower().replace("_", ""), plain, n=1)
    return plain[near[0]] if near else None


def _arguments(payload: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a request by position ("0") or keyword."""
    positional = {str(i): value for i, value in enumerate(payload.get("args") or ())}
    return positional | (payload.get("kwargs") or {})


def _digest(value: Any) -> tuple | None:
    """What differs when an argument has changed; None for what it cannot have been before."""
    try:
        return wire.fingerprint(value)
    except (wire.Unsupported, UnicodeEncodeError):
        return None


def _map(function: Callable, value: Any, other: Callable = lambda value: value) -> Any:
    """Applies a function to every tensor in a value, and ``other`` to every other leaf."""
    if isinstance(value, torch.Tensor):
        return function(value)
    if type(value) in (tuple, list):
        return type(value)(_map(function, item, other) for item in value)
    if type(value) is dict:
        return {key: _map(function, item, other) for key, item in value.items()}
    return other(value)


def _tensors(value: Any) -> list[torch.Tensor]:
    found = []
    _map(found.append, value)
    return found


def _product(outputs: tuple, cotangents: tuple) -> torch.Tensor:
    """The sum of all outputs times their cotangents, over the outputs that have a backward pass."""
    if len(outputs) != len(cotangents):
        raise Refused("ValueError", f"the result has {len(outputs)} parts, expected {len(cotangents)}")
    pairs = []
    for output, cotangent in zip(outputs, cotangents, strict=True):
        if cotangent is None or not isinstance(output, torch.Tensor):
            continue
        if output.shape != cotangent.shape:
            text = f"the result has the shape {tuple(output.shape)}, expected {tuple(cotangent.shape)}"
            raise Refused("ValueError", text)
        if output.requires_grad:
            pairs.append((output, cotangent.to(output.dtype)))
    if not pairs:
        text = "no gradient: the result does not depend on the inputs through operations of torch"
        hint = "`.detach()`, `.data`, `.item()`, `.numpy()` and `torch.no_grad()` cut results off from inputs"
        raise Refused("RuntimeError", text, hint)
    # One number instead of `grad_outputs`, on whose first use torch imports sympy: up to seconds of a call's time.
    return sum((output * cotangent).sum() for output, cotangent in pairs)


class _Output(io.TextIOBase):
    """Takes what is printed and keeps the beginning."""

    def __init__(self):
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text[: MAX_PRINTED - len(self.text)]
        return len(text)


def _no_input(prompt: object = "") -> str:
    raise EOFError("input() has nobody to ask here: take what the function needs as arguments")


@contextmanager
def quiet():
    """Keeps printed text from the outside, and input() from waiting for it."""
    output, real, stdin = _Output(), builtins.input, sys.stdin
    builtins.input, sys.stdin = _no_input, io.StringIO()
    try:
        with redirect_stdout(output), redirect_stderr(output):
            yield output
    finally:
        builtins.input, sys.stdin = real, stdin
