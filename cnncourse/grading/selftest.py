"""Grading the grader: known-right and known-wrong submissions, for an instructor who changed a test.

``tests/submissions/LAB/right`` and ``.../wrong`` hold files named ``exercise__what.py``. Each defines only what it
does in its own way; the rest comes from the solution. A wrong one says in ``FAILS`` which test must name its mistake.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cnncourse import files
from cnncourse.grading import reading
from cnncourse.grading.lab import Lab, find_labs
from cnncourse.grading.run import Grader, Options
from cnncourse.grading.verdict import Verdict


@dataclass(frozen=True)
class Sample:
    """One file of tests/submissions, and what grading it found."""

    exercise: str
    path: Path
    right: bool
    mistake: str  # its docstring
    fails: str  # the test that must fail
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[str]:
        """The tests of its exercise that failed."""
        return [v.name for v in self.verdicts if not v.passed]

    @property
    def problem(self) -> str:
        """What is wrong with the tests, seen from this sample; empty when nothing is."""
        if not self.verdicts:
            return f"there is no exercise {self.exercise}"
        if self.right:
            return f"a right answer fails {', '.join(self.failed)}" if self.failed else ""
        names = [name.partition("[")[0] for name in self.failed]
        if not names:
            return "passes every test"
        return "" if self.fails in names else f"does not fail {self.fails or '(no FAILS in the file)'}"


def samples(lab: Lab, options: Options) -> Iterator[Sample]:
    """Grades every sample of a lab, each in the exercise that its name begins with.

    Raises:
        FileNotFoundError: the lab has no solution.
    """
    root = files.root()
    solution = reading.read(root / "solutions" / f"{lab.name}.ipynb")
    if solution.problem is not None:
        raise FileNotFoundError(f"solutions/{lab.name}.ipynb: {solution.problem.message}")
    with Grader(options) as grader:
        for path in sorted((root / "tests" / "submissions" / lab.name).glob("*/*__*.py")):
            exercise, right = path.stem.partition("__")[0], path.parent.name == "right"
            mistake, fails = _says(path)
            cells = (*solution.cells, *reading.read(path).cells)
            yield Sample(exercise, path, right, mistake, fails, grader.verdicts(lab, cells, exercise))


def labs(name: str = "") -> list[Lab]:
    """The lab of this name, or all.

    Raises:
        ValueError: there is no such lab.
    """
    found = find_labs()
    if name and name not in found:
        raise ValueError(f"There is no lab {name!r}; there are {', '.join(found)}.")
    return [found[name]] if name else list(found.values())


def _says(path: Path) -> tuple[str, str]:
    """The docstring and FAILS of a sample, read without running it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    fails = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "FAILS"
    ]
    return " ".join((ast.get_docstring(tree) or "").split()), fails[0] if fails else ""
