"""The seam between the tests and the student's code.

Tests never touch a submission's objects: they send requests to a backend and judge the replies. The isolated
backend forwards them to a worker process; the local one, behind ``check`` in a notebook, runs them in the
kernel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CALL_SECONDS = 5.0  # the longest one call may take
TEST_SECONDS = 30.0  # ... and all calls of one test together
MESSAGE = 2**16  # bytes of the largest message between grader and forker
CLOSED = 99  # the status of a worker that has lost its channel


@dataclass(frozen=True)
class Ref:
    """An object that stayed with the submission (a module, a classifier): a number and its type's name.

    Travels both ways: as the answer of ``create``, and as an argument of a later request.
    """

    id: int
    type: str


@dataclass(frozen=True)
class RemoteError:
    """An exception that the student's code raised, or a call that could not be made, as text.

    ``bases`` are the names of the builtin exception classes in its method resolution order, nearest first,
    the class itself included when it is builtin. ``cell`` (from 1, counted over code cells; None for a .py
    file) and ``line`` (from 1, in that cell or file) are where the student's own code was; ``source`` is
    that line. A call that could not be made (no such name, a signature that does not fit) has nothing but
    ``type`` in ``bases``, an exception that was raised ends in "BaseException". ``hint`` says more where
    more is known ("did you mean `l1_distances`?").
    """

    type: str
    bases: tuple[str, ...]
    message: str
    cell: int | None = None
    line: int | None = None
    source: str | None = None
    hint: str | None = None


@dataclass(frozen=True)
class Reply:
    """An answer: a value or an error, and the arguments the call changed.

    ``changed`` holds positions ("0") and keywords ("images") of the arguments whose digest after the call
    differs.
    """

    value: Any = None
    error: RemoteError | None = None
    changed: tuple[str, ...] = ()


class Died(BaseException):
    """The submission crashed, hung, was killed or broke the protocol; ``reason`` is text for its student.

    A BaseException, so that hypothesis neither catches it nor searches for a smaller input that also kills.
    """

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason

    def says(self) -> dict[str, Any]:
        """What a verdict says of it: a dead worker has nothing to do with what a test wants to hint at."""
        return {"message": self.reason, "cause": self.reason, "says_all": True, "smallest": False}


@dataclass(frozen=True)
class Cell:
    """The source of one cell; ``number`` counts code cells from 1 and is None for a .py file.

    Cells of other kinds ("markdown", "raw") are there for what somebody wrote into them by mistake; their number
    counts all cells.
    """

    number: int | None
    text: str
    kind: str = "code"


@dataclass(frozen=True)
class Problem:
    """What went wrong while loading one cell: a syntax error, a failed import, a definition that raised."""

    kind: str  # "syntax", "import", "definition" or "file" (not a notebook, not JSON, too large)
    message: str
    cell: int | None = None  # from 1, counted over code cells; None for a .py file
    line: int | None = None  # from 1, in that cell or file
    source: str | None = None  # the student's line


@dataclass(frozen=True)
class Problems:
    """What loading a submission found.

    ``skipped`` maps a name to the reason why it was not defined ("cell 7 assigns it from a call");
    ``names`` are the names that are defined.
    """

    problems: tuple[Problem, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()


class Backend(Protocol):
    """Runs requests on a submission. The operations, their payloads, and the values of their replies:

    ============== ======================================================== =================================
    op             payload                                                  value
    ============== ======================================================== =================================
    call           name, args (tuple), kwargs (dict), handle (id or None)   what the call returned
    create         name, args, kwargs                                       Ref of the new object
    get            handle, name                                             the attribute
    load_state_dict handle, state (dict of tensors)                         None
    state_dict     handle                                                   dict of tensors
    vjp            name, args, kwargs, handle, cotangents (tuple)           dict: outputs, args, parameters
    seed           seed (int)                                               None
    names          -                                                        list of the names defined
    ============== ======================================================== =================================

    ``handle`` None means a name of the submission itself; with a handle, ``name`` is a method, and None
    calls the object. ``vjp`` calls, then multiplies the outputs' cotangents by the Jacobian: ``outputs`` is
    a tuple, ``args`` a tuple with a gradient or None for each positional argument, ``parameters`` a dict of
    the handle's parameters' gradients (empty without a handle). ``seed`` sets Python's, numpy's and torch's
    generators. A name that is not there, or does not take these arguments, is an error in the reply like
    any other exception.
    """

    def request(self, op: str, *, seconds: float = CALL_SECONDS, **payload: Any) -> Reply:
        """One request, one reply. Raises Died when there is none within ``seconds``."""

    def problems(self) -> Problems:
        """What loading found. Raises Died when the submission could not even be loaded alive."""

    def restart(self) -> None:
        """A fresh worker with the same submission, after Died."""

    def close(self) -> None:
        """Ends the worker."""
