"""Grading files: which lab each belongs to, whose it is, and what its tests found.

A file that cannot be graded gets a result that says why; the others go on.
"""

import contextlib
import multiprocessing
import os
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from unittest import mock

from cnncourse.grading import submission
from cnncourse.grading.backend import Backend, Died, Problem, Problems
from cnncourse.grading.exercise import Lab, find_labs
from cnncourse.grading.plugin import GradingPlugin, Verdict, run_tests
from cnncourse.grading.report import Result
from cnncourse.grading.show import clean
from cnncourse.grading.template import IsolationError, Template


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
    paths, options = [Path(path) for path in paths], options or Options()
    if options.lab and options.lab not in find_labs():
        raise ValueError(f"There is no lab {options.lab!r}; there are {', '.join(find_labs())}.")
    if jobs > 1 and len(paths) > 1:
        return _in_processes(paths, options, min(jobs, len(paths)), graded)
    results = []
    with Grader(options) as grader:
        for path in paths:
            results.append(grader.grade(path))
            graded(results[-1])
    return results


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
    """Grades files one after the other in this process. Each lab's template is started when it is first needed."""

    def __init__(self, options: Options):
        self._options = options
        self._labs = find_labs()
        self._templates: dict[str, Template] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Grader":
        import torch

        threads = torch.get_num_threads()
        self._stack.callback(torch.set_num_threads, threads)
        torch.set_num_threads(1)  # sums of floats depend on it, marks should not
        return self

    def __exit__(self, *_) -> None:
        self._stack.close()

    def grade(self, path: Path) -> Result:
        """Grades one file. What is wrong with it, or with the tests, the result says.

        Raises:
            IsolationError: isolation was demanded and is not to be had.
        """
        read = submission.read(path)
        empty = Result(_one_line(path.name, 255), _one_line(_who(read.who, path, None)))
        empty = replace(empty, device=self._options.device, seed=self._options.seed)
        if read.problem is not None:
            return replace(empty, error=clean(read.problem.message))
        lab = self._lab_of(read, path)
        if lab is None:
            return replace(empty, error=_which_lab(self._labs))
        empty = replace(empty, lab=lab.name, who=_one_line(_who(read.who, path, lab)))
        try:
            return self._run(lab, read.cells, empty)
        except IsolationError:  # it would fail for every file, and is for the instructor to mend
            raise
        except (Exception, Died) as error:
            reason = f"the grader failed with {type(error).__name__}: {error}"
            return replace(empty, error=clean(reason), grader_failed=True)

    def verdicts(self, lab: Lab, cells: tuple[submission.Cell, ...], only: str = "") -> tuple[Verdict, ...]:
        """What the tests of a lab, or only those of one exercise, find in these cells."""
        plugin = GradingPlugin(lambda _: self._template(lab).start(cells), self._options.device, only=only)
        return tuple(run_tests(lab, plugin))

    def _run(self, lab: Lab, cells: tuple[submission.Cell, ...], empty: Result) -> Result:
        template = self._template(lab)
        found = Problems()

        def start(_: Lab) -> Backend:
            nonlocal found
            try:
                backend = template.start(cells)
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
        if lab.name not in self._templates:
            template = Template(*lab.sources, isolation=self._options.isolation, device=self._options.device)
            self._templates[lab.name] = self._stack.enter_context(template)
        return self._templates[lab.name]

    def _lab_of(self, read: submission.Submission, path: Path) -> Lab | None:
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


def _one_line(name: str, longest: int = 100) -> str:
    """A name for tables: a file's may hold line breaks, and whole rows of a table."""
    return " ".join(clean(name, longest).split())


def _person(result: Result) -> tuple[str, str]:
    return " ".join(result.who.casefold().split()), result.lab


def _clean_problem(problem: Problem) -> Problem:
    source = problem.source and clean(problem.source, 200)
    return replace(problem, message=clean(problem.message), source=source)


# ---- several graders at a time


def _in_processes(paths: list[Path], options: Options, jobs: int, graded: Callable) -> list[Result]:
    """Grades in processes of their own. One that dies costs the file it was grading, and is replaced."""
    waiting, results = deque(enumerate(paths)), dict[int, Result]()
    at_work: dict[Connection, tuple[multiprocessing.Process, int]] = {}
    idle: list[tuple[Connection, multiprocessing.Process]] = []
    try:
        while waiting or at_work:
            while waiting and len(at_work) < jobs:
                connection, process = idle.pop() if idle else _start(options)
                index, path = waiting.popleft()
                connection.send(path)
                at_work[connection] = process, index
            for connection in wait(list(at_work)):
                process, index = at_work.pop(connection)
                try:
                    results[index] = connection.recv()
                    idle.append((connection, process))
                    if isinstance(results[index], IsolationError):
                        raise results[index]
                except (EOFError, ConnectionError):
                    process.join()
                    results[index] = _lost(paths[index], options, process.exitcode)
                graded(results[index])
        return [results[index] for index in range(len(paths))]
    finally:
        for connection, process in [*idle, *((c, p) for c, (p, _) in at_work.items())]:
            connection.close()  # ends its loop
            process.join(10)
            process.kill()


def _start(options: Options) -> tuple[Connection, multiprocessing.Process]:
    # spawn: a fork would copy torch's threads in whatever state they are
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, options), daemon=True)
    # else the child looks for modules where it was started first: in the folder of the submissions, perhaps
    with mock.patch.dict(os.environ, PYTHONSAFEPATH="1"):
        process.start()
    theirs.close()
    return ours, process


def _serve(connection: Connection, options: Options) -> None:
    with contextlib.suppress(EOFError, KeyboardInterrupt), Grader(options) as grader:
        while True:
            path = connection.recv()
            try:
                connection.send(grader.grade(path))
            except IsolationError as error:
                connection.send(error)


def _lost(path: Path, options: Options, code: int | None) -> Result:
    reason = f"the grader's process ended with {code} while it graded this file"
    who = _one_line(path.stem)
    return Result(
        _one_line(path.name, 255),
        who,
        device=options.device,
        seed=options.seed,
        error=reason,
        grader_failed=True,
    )
