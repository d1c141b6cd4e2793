"""``check("l1_distances")``: graded tests inside the student's own notebook, for speed and not for marks."""

import contextlib
import difflib
import inspect
import io
import random
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cnncourse.grading.lab import Lab, find_labs
from cnncourse.grading.verdict import Verdict


@dataclass(frozen=True)
class Check:
    """What a check found. A notebook shows it as a page, everything else as text."""

    summary: str
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()  # what of it grading will not have

    def __repr__(self) -> str:
        from cnncourse.grading.reports.show import verdict_text

        return "\n".join([*self._told(), self.summary, *map(verdict_text, self.verdicts)])

    def _told(self) -> list[str]:
        from cnncourse.grading.kernel import RULE

        return [*(f"! {note}" for note in self.notes), f"  {RULE}"] if self.notes else []

    def _repr_html_(self) -> str:
        from cnncourse.grading.reports.report import templates

        return (
            templates()
            .get_template("check.html")
            .render(summary=self.summary, verdicts=self.verdicts, notes=self._told())
        )


def check(name: str, lab: str | None = None) -> Check:
    """Tests one exercise as this notebook defines it now, and says what holds and what does not.

    What it passes, grading passes, or it says what grading will not have: grading runs a file's imports, functions and
    classes, and of the rest what the exercises need by name.

    Args:
        name: the exercise, such as "l1_distances".
        lab: the lab it is from, needed where several have an exercise of this name.

    Raises:
        ValueError: there is no such exercise; the message suggests the nearest name.
    """
    namespace = inspect.currentframe().f_back.f_globals
    found = _find(name, lab)
    if name not in namespace:
        return Check(f"There is no `{name}` here yet: run the cell that defines it, then check again.")
    notes = _notes(found, name, namespace)
    with _quiet():
        verdicts = _run(found, name, namespace)
    if all(v.unwritten for v in verdicts):
        return Check(
            f"`{name}` is not written yet: replace `raise NotImplementedError`, run the cell, check again."
        )
    passed = sum(v.passed for v in verdicts)
    if passed == len(verdicts):
        return Check(f"`{name}` passes all {passed} tests.", tuple(verdicts), notes)
    return Check(f"`{name}` passes {passed} of {len(verdicts)} tests.", tuple(verdicts), notes)


def _find(name: str, lab: str | None) -> Lab:
    labs = find_labs()
    if lab is not None and lab not in labs:
        raise ValueError(f"There is no lab {lab!r}; there are {', '.join(labs)}.") from None
    wanted = [labs[lab]] if lab is not None else list(labs.values())
    found = [one for one in wanted if name in one.exercises]
    if len(found) == 1:
        return found[0]
    if found:
        choices = " or ".join(f'check("{name}", lab="{one.name}")' for one in found)
        raise ValueError(f"Several labs have an exercise {name!r}: say {choices}.")
    near = difflib.get_close_matches(name, [e for one in wanted for e in one.exercises], 1, 0.5)
    suggestion = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"There is no exercise {name!r}.{suggestion}")


def _notes(lab: Lab, name: str, namespace: dict[str, Any]) -> tuple[str, ...]:
    from cnncourse.grading.kernel import differences, session_cells
    from cnncourse.grading.shown import clean

    cells = session_cells()
    return tuple(map(clean, differences(name, lab, namespace, cells))) if cells else ()


def _run(lab: Lab, name: str, namespace: dict[str, Any]) -> list[Verdict]:
    from cnncourse.grading.local import LocalBackend
    from cnncourse.grading.plugin import GradingPlugin
    from cnncourse.grading.running import run_tests

    return run_tests(lab, GradingPlugin(lambda _: LocalBackend(namespace), only=name))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leaves no trace in the notebook: nothing printed, no warnings, and the same random numbers after."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    states = (random.getstate(), numpy and numpy.random.get_state(), torch and torch.get_rng_state())
    defaults = torch and (torch.get_default_dtype(), torch.is_grad_enabled())
    if torch:  # the tests' own tensors are what they are in grading
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        random.setstate(states[0])
        if numpy:
            numpy.random.set_state(states[1])
        if torch:
            torch.set_rng_state(states[2])
            torch.set_default_dtype(defaults[0])
            torch.set_grad_enabled(defaults[1])
