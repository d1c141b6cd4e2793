"""What a test sees of a submission: calls go out, checked values or failures come back.

Every call is written down with its arguments, so that a failing test can show the input that failed.
"""

import inspect
import time
from contextlib import contextmanager
from typing import Any

from cnncourse.grading import specs
from cnncourse.grading.compare import Failure
from cnncourse.grading.seam import CALL_SECONDS, TEST_SECONDS, Backend, Died, Ref, RemoteError, Reply
from cnncourse.grading.verdict import Call


class SubmissionError(Failure):
    """The student's code raised an exception where none was expected."""

    def __init__(self, what: str, error: RemoteError, op: str = "call"):
        where = f"{error.cell}, {error.line}" if error.line is not None else f"{what}, {op}"
        super().__init__(f"{what} raised {error_text(error)}", cause=f"{error.type}: {where}")
        self.what, self.error = what, error
        # an object that cannot be made or filled, and a call that cannot be made: no test has begun
        self.says_all = op in ("create", "load_state_dict") or not self.was_raised

    @property
    def was_raised(self) -> bool:
        """Whether code ran and raised; otherwise the call could not be made."""
        return "BaseException" in self.error.bases

    @property
    def is_stub(self) -> bool:
        """Whether the student's own line raised NotImplementedError. Torch does, too, for what it cannot do."""
        error = self.error
        own = error.line is not None and "NotImplementedError" in (error.source or "NotImplementedError")
        return own and "NotImplementedError" in error.bases

    def says(self) -> dict[str, Any]:
        """What a verdict says of it. A hint and the calls are for code that ran, or at least is there."""
        if self.is_stub:
            return {"message": f"{self.what} is not written yet", "hint": "", "calls": (), "unwritten": True}
        if not self.was_raised and self.error.type == "NameError":
            return {"message": self.error.message, "hint": "", "calls": (), "place": self.place}
        message = {} if self.was_raised else {"message": self.error.message}
        return super().says() | message | {"place": self.place}

    @property
    def place(self) -> str:
        """The student's line that raised, and what more is known."""
        error = self.error
        if error.line is None:
            return error.hint or ""
        cell = f"cell {error.cell}, " if error.cell is not None else ""
        source = f": {error.source.strip()}" if error.source else ""
        return f"in {cell}line {error.line}{source}" + (f"\n{error.hint}" if error.hint else "")


class OutOfTime(Died):
    """The calls of one test used up its time."""


def error_text(error: RemoteError) -> str:
    """An exception in one line: "ValueError: k is too large"."""
    return f"{error.type}: {error.message}" if error.message else error.type


class Submission:
    """A student's submission, as the tests see it.

    ``reference`` is the library module with the answers: it names the arguments in what is shown.
    """

    def __init__(self, backend: Backend, reference: Any = None):
        self._backend = backend
        self._reference = reference
        self._deadline = 0.0
        self._dead = False
        self.start_example()

    def call(self, name: str, *args, returns=None, may_change_input: bool = False, **kwargs) -> Any:
        """Calls a function of the submission.

        Args:
            returns: what may come back, a spec or a tuple of specs. Without one the value is not looked at
            and
                None is returned.
            may_change_input: whether the function is allowed to change its arguments.

        Raises:
            Failure: it raised an exception, returned something else, or changed its arguments.
            Died: it never answered.
        """
        return self._call(None, name, args, kwargs, returns, may_change_input)

    def create(self, name: str, *args, **kwargs) -> "Handle":
        """Creates an object by one of the submission's classes or functions. It stays with the submission.

        Raises as `call` does.
        """
        call = self._record(None, name, args, kwargs)
        reply = self._request("create", name, name=name, args=_refs(args), kwargs=_refs(kwargs))
        specs.check(specs.handle(), reply.value, f"`{name}` returned")
        return Handle(self, reply.value.id, reply.value.type, call)

    def vjp(self, name: str, args: tuple, cotangents: tuple, **kwargs) -> dict[str, Any]:
        """Outputs of a function, and the gradients that its backward pass gives for the outputs'
        ``cotangents``.

        Returns:
            A dictionary: ``outputs`` (a tuple), ``args`` (a tuple, a gradient or None for each argument) and
            ``parameters`` (gradients by name, for an object).

        Raises as `call` does.
        """
        return self._vjp(None, name, args, kwargs, cotangents)

    @contextmanager
    def raises(self, *types: type[Exception]):
        """Passes when the calls inside raise one of these.

        An exercise that is not written yet (NotImplementedError), a missing name and a wrong signature
        never count.
        """
        expected = " or ".join(t.__name__ for t in types)
        try:
            yield
        except SubmissionError as failure:
            error = failure.error
            if "NotImplementedError" in error.bases or not failure.was_raised:
                raise
            if not any(t.__name__ in error.bases for t in types):
                raise Failure(f"{failure}, expected {expected}", failure.cause) from None
        else:
            raise Failure(f"{self.asked} did not raise {expected}")

    # ---- for the plugin: one test, one example of it

    def start_test(self, seed: int = 0) -> None:
        """A new test: its time starts now, and the submission's random numbers start from ``seed``.

        Raises Died when the submission cannot be loaded any more.
        """
        self._deadline = time.monotonic() + TEST_SECONDS
        self.asked_anything = False
        self.unwritten: SubmissionError | None = None  # the first NotImplementedError of this test
        self.start_example()
        try:
            if self._dead:
                raise Died("")
            self._backend.request("seed", seed=seed)
        except Died:  # in the test before, or since then: neither is this one's fault
            self._backend.restart()
            self._dead = False
            self._backend.request("seed", seed=seed)

    def start_example(self) -> None:
        """A new example of a property: what the last one called is forgotten."""
        self.calls: list[tuple[int | None, Call]] = []
        self.asked = "the submission"

    @property
    def shown_calls(self) -> tuple[Call, ...]:
        """The last call, after the calls on the same object that led to it."""
        if not self.calls:
            return ()
        handle, last = self.calls[-1]
        return (last,) if handle is None else tuple(call for owner, call in self.calls if owner == handle)

    # ---- requests

    def _call(self, handle, name, args, kwargs, returns, may_change_input) -> Any:
        call = self._record(handle, name, args, kwargs)
        payload = {"name": name, "args": _refs(args), "kwargs": _refs(kwargs), "handle": handle and handle.id}
        reply = self._request("call", call.text, **payload)
        if reply.changed and not may_change_input:
            names = [_argument_name(changed, call) for changed in reply.changed]
            message = f"`{call.text}` changed its input `{'`, `'.join(names)}`: work on a copy"
            raise Failure(message, cause="changed input", says_all=True)
        specs.check(returns, reply.value, f"`{call.text}` returned")
        return None if returns is None else self._handles(reply.value)

    def _vjp(self, handle, name, args, kwargs, cotangents) -> dict[str, Any]:
        call = self._record(handle, name, args, kwargs)
        payload = {"name": name, "args": _refs(args), "kwargs": _refs(kwargs), "handle": handle and handle.id}
        return self._request("vjp", call.text, **payload, cotangents=tuple(cotangents)).value

    def _request(self, op: str, text: str, **payload) -> Reply:
        self.asked, self.asked_anything = f"`{text}`", True
        left = self._deadline - time.monotonic()
        try:
            reply = self._backend.request(op, seconds=min(CALL_SECONDS, max(left, 0.0)), **payload)
        except Died as death:
            self._dead = True
            if time.monotonic() >= self._deadline:
                raise OutOfTime(
                    f"the calls of this test took more than {TEST_SECONDS:g} s together"
                ) from None
            raise Died(f"{self.asked}: {death.reason}") from None
        if reply.error is not None:
            failure = SubmissionError(f"`{text}`", reply.error, op)
            if "NotImplementedError" in reply.error.bases and self.unwritten is None:
                self.unwritten = failure
            raise failure
        return reply

    def _handles(self, value: Any) -> Any:
        """Objects that stayed with the submission, wrapped so that a test can call them."""
        if isinstance(value, Ref):
            return Handle(self, value.id, value.type, None)
        if isinstance(value, list | tuple):
            return type(value)(self._handles(item) for item in value)
        return {k: self._handles(v) for k, v in value.items()} if isinstance(value, dict) else value

    def _record(self, handle: "Handle | None", name: str | None, args: tuple, kwargs: dict) -> Call:
        owner = handle.type if handle else None
        names = _parameter_names(self._reference, owner, name, len(args))
        arguments = tuple(zip(names, args, strict=True)) + tuple(kwargs.items())
        text = name if handle is None else f"{owner}.{name}" if name else f"{owner} object"
        call = Call(text, arguments)
        self.calls.append((handle.id if handle else None, call))
        return call


class Handle:
    """An object that stayed with the submission: a module, a classifier."""

    def __init__(self, submission: Submission, id: int, type: str, created: Call | None):
        self._submission = submission
        self.id, self.type = id, type
        if created is not None:
            submission.calls[-1] = (id, created)

    def call(self, method: str | None, *args, returns=None, may_change_input: bool = False, **kwargs) -> Any:
        """Calls a method, or the object itself when ``method`` is None. Raises as ``Submission.call``; see there."""
        return self._submission._call(self, method, args, kwargs, returns, may_change_input)

    def get(self, attribute: str, returns=None) -> Any:
        """An attribute of the object. Raises as ``Submission.call``."""
        text = f"{self.type}.{attribute}"
        reply = self._submission._request("get", text, handle=self.id, name=attribute)
        specs.check(returns, reply.value, f"the attribute `{text}` is")
        return self._submission._handles(reply.value)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Loads weights into a module, strictly: every name and shape must fit. Raises as ``Submission.call``."""
        text = f"{self.type}.load_state_dict"
        self._submission._request("load_state_dict", text, handle=self.id, state=state)

    def state_dict(self) -> dict[str, Any]:
        """The weights and buffers of a module. Raises as ``Submission.call``."""
        reply = self._submission._request("state_dict", f"{self.type}.state_dict", handle=self.id)
        specs.check(
            specs.mapping(of=specs.array("torch", finite=False)), reply.value, f"`{self.type}.state_dict` is"
        )
        return reply.value

    def vjp(self, method: str | None, args: tuple, cotangents: tuple, **kwargs) -> dict[str, Any]:
        """Gradients of a method or of the object itself. Takes, gives and raises what ``Submission.vjp`` does."""
        return self._submission._vjp(self, method, args, kwargs, cotangents)


def _refs(value: Any) -> Any:
    """Arguments as they travel: a handle by its number."""
    if isinstance(value, Handle):
        return Ref(value.id, value.type)
    if type(value) in (list, tuple):
        return type(value)(_refs(item) for item in value)
    return {k: _refs(v) for k, v in value.items()} if type(value) is dict else value


def _parameter_names(reference: Any, owner: str | None, name: str | None, count: int) -> list[str]:
    """What the reference calls its first ``count`` parameters; their numbers where it has none."""
    try:
        found = getattr(reference, owner) if owner else reference
        called = "forward" if hasattr(found, "forward") else "__call__"  # a module's takes anything
        signature = inspect.signature(getattr(found, name or called))
        names = [p.name for p in signature.parameters.values() if p.name != "self"]
    except (AttributeError, TypeError, ValueError):
        names = []
    return names[:count] + [f"argument {i + 1}" for i in range(len(names), count)]


def _argument_name(changed: str, call: Call) -> str:
    """The name of an argument; what the worker calls it where it has no such argument."""
    names = {str(position): name for position, (name, _) in enumerate(call.arguments)}
    return names.get(changed, changed)
