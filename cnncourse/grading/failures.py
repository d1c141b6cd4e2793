"""From an exception to a verdict. Failures say themselves what there is to say; what others mean stands here."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnncourse.grading.examples import SearchEnded, Trial, is_flaky
from cnncourse.grading.proxy import OutOfTime
from cnncourse.grading.shown import clean, snapshot
from cnncourse.grading.verdict import Call, Verdict


class BrokenTests(Exception):
    """A module of graded tests cannot be used; the message says why."""


def failed(verdict: Verdict, error: BaseException, trial: Trial | None) -> Verdict:
    """The verdict of a test that ended with ``error``."""
    if isinstance(error, SearchEnded) or (isinstance(error, OutOfTime) and trial.failure is not None):
        error = trial.failure
    says = error.says() if hasattr(error, "says") else _of_others(error, trial)
    says = {
        "calls": trial.calls_of(error) if trial else (),
        "smallest": bool(trial and trial.searched),
    } | says
    says["calls"] = tuple(map(_shown, says["calls"]))
    says["smallest"] = says["smallest"] and bool(says["calls"])
    texts = {name: clean(text) for name, text in says.items() if isinstance(text, str)}
    return replace(verdict, passed=False, **(says | texts))


def _of_others(error: BaseException, trial: Trial | None) -> dict[str, Any]:
    if is_flaky(error):
        asked = trial.submission.asked if trial else "The submission"
        what = "gave two different answers for the same input: it depends on more than its arguments"
        return {"message": f"{asked} {what}", "smallest": False}
    if isinstance(error, AssertionError):
        # pytest may have rewritten the assertion to show what is in our objects
        said = str(error).partition("\nassert ")[0]
        said = said if said and not said.startswith("assert ") else f"this should hold: {_line_of(error)}"
        return {"message": said}
    reason = f"{type(error).__name__}: {error} (in {_line_of(error)})"
    message = f"the test itself failed with {reason}. Please tell whoever wrote it"
    return {"message": message, "broken": True}


def _line_of(error: BaseException) -> str:
    """The line of the test that raised: the last one in a file of tests."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    lines = [
        f.code_context[0].strip()
        for f in frames
        if f.code_context and Path(f.filename).name.startswith("test_")
    ]
    return lines[-1] if lines else "the grader"


def _shown(call: Call) -> Call:
    return Call(clean(call.text), tuple((clean(name), snapshot(value)) for name, value in call.arguments))
