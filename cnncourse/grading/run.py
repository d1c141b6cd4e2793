"""Grading files: which lab each belongs to, whose it is, and what its tests found.

A file that cannot be graded gets a result that says why; the others go on.
"""

import atexit
import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cnncourse.grading import reading
from cnncourse.grading.isolation.template import IsolationError, Template
from cnncourse.grading.lab import Lab, find_labs
from cnncourse.grading.plugin import GradingPlugin
from cnncourse.grading.reports.result import Result, one_line
from cnncourse.grading.running import run_tests
from cnncourse.grading.seam import Backend, Cell, Died, Problem, Problems
from cnncourse.grading.shown import clean
from cnncourse.grading.verdict import Verdict
from cnncourse.processes import side_by_side


@dataclass(frozen=True)
class Options:
    """How to grade: the same for all files of a run. ``lab`` overrides what the files say they are."""

    lab: str = ""
    device: str = "cpu"
    isolation: str = "auto"
    seed: int = 0


def grade(
    paths: Iterable[Path],
    options: Options | None = None,
    jobs: int = 1,
    graded: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Grades files, in ``jobs`` processes at a time.

    Args:
        paths: notebooks or .py files.
        graded: called with every result as it comes.

    Returns:
        A result for each file, in the order of the files, whatever ``jobs`` is.

    Raises:
        ValueError: ``options.lab`` is no lab.
        IsolationError: isolation was demanded and is not to be had.
    """
    paths, options = list(paths), options or Options()
    if options.lab and options.lab not in find_labs():
        raise ValueError(f"There is no lab {options.lab!r}; there are {', '.join(find_labs())}.")
    results: dict[int, Result] = {}
    with Grader(options) as grader:
        # Those of one lab after each other: a change of lab costs seconds.
        order = sorted(range(len(paths)), key=lambda number: grader.lab_of(paths[number]))
        for place, result in _graded([paths[number] for number in order], grader, options, jobs):
            results[order[place]] = result
            graded(result)
    return [results[number] for number in range(len(paths))]


def _graded(paths: list[Path], grader: "Grader", options: Options, jobs: int) -> Iterable[tuple[int, Result]]:
    if jobs == 1 or len(paths) <= 1:
        return ((number, grader.grade(path)) for number, path in enumerate(paths))
    work = [(path, options) for path in paths]
    return side_by_side(
        _grade_here, work, jobs, lost=lambda number, code: _lost(paths[number], options, code)
    )


def submissions_in(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and of folders the notebooks and .py files in them, in the order of their names."""
    files = []
    for path in paths:
        inside = (
            sorted(p for p in path.rglob("*") if p.suffix in (".ipynb", ".py")) if path.is_dir() else [path]
        )
        files += [p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    return files


def which_count(results: list[Result]) -> list[str]:
    """For each result whether it counts: of several of one person for one lab, the one with most points does.

    Of equal ones it is the one named first. "yes", "no, FILE counts", or "" for what was not graded.
    """
    best: dict[tuple[str, str], Result] = {}
    for result in results:
        key = _person(result)
        if not result.error and (key not in best or result.points > best[key].points):
            best[key] = result
    return [
        "" if r.error else "yes" if best[_person(r)] is r else f"no, {best[_person(r)].file} counts"
        for r in results
    ]


class Grader:
    """Grades files one after the other in this process. A lab's template is started when it is first needed."""

    def __init__(self, options: Options):
        self._options = options
        self._labs = find_labs()
        self._open: tuple[str, Template] | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Grader":
        import torch

        threads = torch.get_num_threads()
        self._stack.callback(torch.set_num_threads, threads)
        self._stack.callback(self._close)
        torch.set_num_threads(1)  # sums of floats depend on it, marks should not
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def grade(self, path: Path) -> Result:
        """Grades one file. What is wrong with it, or with the tests, the result says.

        Raises:
            IsolationError: isolation was demanded and is not to be had.
        """
        read = reading.read(path)
        empty = Result(one_line(path.name, 255), one_line(_who(read.who, path, None), 100))
        empty = replace(empty, device=self._options.device, seed=self._options.seed)
        if read.problem is not None:
            return replace(empty, error=clean(read.problem.message))
        lab = self._lab_of(read, path)
        if lab is None:
            return replace(empty, error=_which_lab(self._labs))
        empty = replace(empty, lab=lab.name, who=one_line(_who(read.who, path, lab), 100))
        try:
            return self._run(lab, read.cells, empty)
        except IsolationError:  # it would fail for every file, and is for the instructor to mend
            raise
        except (Exception, Died) as error:
            reason = f"the grader failed with {type(error).__name__}: {error}"
            return replace(empty, error=clean(reason), grader_failed=True)

    def verdicts(self, lab: Lab, cells: tuple[Cell, ...], only: str = "") -> tuple[Verdict, ...]:
        """What the tests of a lab, or only those of one exercise, find in these cells."""

        def start(_: Lab) -> Backend:
            return self._template(lab).start(cells, lab.exercises)

        return tuple(run_tests(lab, GradingPlugin(start, self._options.device, only=only)))

    def _run(self, lab: Lab, cells: tuple[Cell, ...], empty: Result) -> Result:
        template = self._template(lab)
        found = Problems()

        def start(_: Lab) -> Backend:
            nonlocal found
            try:
                backend = template.start(cells, lab.exercises)
                found = backend.problems()
                return backend
            except Died as death:
                found = Problems((Problem("file", f"This file could not be loaded: {death.reason}"),))
                raise Died(f"the file could not be loaded: {death.reason}") from None

        verdicts = run_tests(lab, GradingPlugin(start, self._options.device, self._options.seed))
        return replace(
            empty,
            verdicts=tuple(verdicts),
            problems=tuple(map(_clean_problem, found.problems)),
            names=tuple(clean(name, 100) for name in found.names),
            skipped=tuple((clean(name, 100), clean(why, 300)) for name, why in sorted(found.skipped.items())),
            isolation="; ".join(f"{what}: {how}" for what, how in template.in_force.items()),
        )

    def _template(self, lab: Lab) -> Template:
        """The template of a lab. That of the lab before is closed: each takes 289 MB."""
        if self._open is None or self._open[0] != lab.name:
            self._close()
            template = Template(*lab.hidden, isolation=self._options.isolation, device=self._options.device)
            self._open = lab.name, template.__enter__()
        return self._open[1]

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None

    def lab_of(self, path: Path) -> str:
        """The name of the lab that a file belongs to; empty where that cannot be said."""
        lab = self._lab_of(reading.read(path), path)
        return lab.name if lab else ""

    def _lab_of(self, read: reading.HandIn, path: Path) -> Lab | None:
        """The lab that --lab says, else the file's metadata, else the number its name begins with."""
        if self._options.lab:
            return self._labs[self._options.lab]
        said = [lab for lab in self._labs.values() if lab.name == read.lab]
        number = re.match(r"\d+", path.stem)
        named = [lab for lab in self._labs.values() if number and lab.name.startswith(f"{number.group()}_")]
        return (said or named or [None])[0]


def _which_lab(labs: Iterable[str]) -> str:
    return (
        "It does not say which lab it is: its metadata name none that there is, and its name does not begin "
        f"with a lab's number. Grade it with --lab NAME, NAME being {' or '.join(labs)}."
    )


def _who(said: str, path: Path, lab: Lab | None) -> str:
    """Who handed it in: what the notebook says, else the file's name without the lab's, else its folder."""
    if lab is None or said != path.stem:
        return said
    number = lab.name.partition("_")[0]
    name = path.stem.replace(lab.name, "").removeprefix(f"{number}_").removeprefix(f"{number}-").strip("_- ")
    return name or path.resolve().parent.name


def _person(result: Result) -> tuple[str, str]:
    return " ".join(result.who.casefold().split()), result.lab


def _clean_problem(problem: Problem) -> Problem:
    source = problem.source and clean(problem.source, 200)
    return replace(problem, message=clean(problem.message), source=source)


# ---- several graders at a time

_graders: dict[Options, "Grader"] = {}


def _grade_here(path: Path, options: Options) -> Result:
    """In a process beside others: one grader as long as it lives."""
    if options not in _graders:
        grader = _graders[options] = Grader(options).__enter__()
        atexit.register(grader.__exit__)
    return _graders[options].grade(path)


def _lost(path: Path, options: Options, code: int | None) -> Result:
    reason = f"the grader's process ended with {code} while it graded this file"
    who = one_line(path.stem, 100)
    return Result(
        one_line(path.name, 255),
        who,
        device=options.device,
        seed=options.seed,
        error=reason,
        grader_failed=True,
    )
