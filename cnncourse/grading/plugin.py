"""The pytest plugin that runs graded tests on a submission: one for grade, check and pytest itself."""

import contextlib
import functools
import hashlib
import importlib
import inspect
import os
import sys
import tempfile
from collections import ChainMap, Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, configuration, settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.internal.conjecture import providers

from cnncourse.grading.backend import Backend, Died
from cnncourse.grading.compare import Failure, Mismatch
from cnncourse.grading.exercise import Lab, points_text, read_lab
from cnncourse.grading.proxy import Call, OutOfTime, Submission, SubmissionError
from cnncourse.grading.show import Shown, clean, snapshot, verdict_text

EXAMPLES = 10  # inputs a property is tried on
SEARCHES = (
    150  # further runs to find a smaller failing input: the search for the very smallest is not worth a wait
)


@dataclass(frozen=True)
class Verdict:
    """What one test found, as plain data: nothing in it belongs to the submission."""

    exercise: str
    name: str
    sentence: str
    points: Fraction  # what passing is worth
    passed: bool = False
    message: str = "This test did not run to its end."
    hint: str = ""
    place: str = ""  # the student's line that raised
    calls: tuple[Call, ...] = ()  # the input that failed, arguments as Shown
    smallest: bool = False  # whether smaller inputs were tried, and passed
    expected: Shown | None = None
    got: Shown | None = None
    unwritten: bool = False  # it is still `raise NotImplementedError`
    broken: bool = False  # the test itself failed: its author's fault, not the student's
    cause: str = ""  # one for all failures of one origin
    says_all: bool = False  # the hint adds nothing to the message


class BrokenTests(Exception):
    """A module of graded tests cannot be used; the message says why."""


@pytest.fixture(scope="module")
def reference(request):
    """The answers: the names of the library modules that hold them, those of the first module first."""
    modules = map(importlib.import_module, request.config.stash[_PLUGIN].lab(request.path).sources)
    return SimpleNamespace(**ChainMap(*map(vars, modules)))


@pytest.fixture(scope="module")
def submission(request, reference):
    """The submission under test."""
    plugin = request.config.stash[_PLUGIN]
    try:
        backend = plugin.open_backend(plugin.lab(request.path))
    except Died as death:
        raise Failure(death.reason) from None  # pytest keeps only an Exception for the tests after this one
    with contextlib.closing(backend):
        yield Submission(backend, reference)


@pytest.fixture(scope="session")
def device(request):
    """The device that torch inputs should be on, as a string."""
    return request.config.stash[_PLUGIN].device


class GradingPlugin:
    """Runs the graded tests that pytest collects on submissions, and keeps a verdict for each.

    The fixtures above belong to it: register this module too, or import them into a conftest.
    ``open_backend`` gives the submission to test for a lab; the plugin closes it after that lab's last test.
    """

    def __init__(
        self, open_backend: Callable[[Lab], Backend], device: str = "cpu", seed: int = 0, only: str = ""
    ):
        self.open_backend = open_backend
        self.device = device
        self._seed = seed
        self._only = only
        self._labs: dict[Path, Lab] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.errors: list[str] = []

    def pytest_configure(self, config):
        config.stash[_PLUGIN] = self

    # ---- collection

    def pytest_collection_modifyitems(self, items):
        graded = [item for item in items if self._is_graded(item)]
        counts = Counter(_exercise(item).name for item in graded)
        for item in graded:
            exercise = _exercise(item)
            self.verdicts[item.nodeid] = Verdict(
                exercise.name,
                item.name,
                _sentence(item),
                exercise.points / counts[exercise.name],
                hint=clean(_hint(item)),
            )
        if self._only:
            items[:] = [item for item in graded if _exercise(item).name == self._only]
            self.verdicts = {item.nodeid: self.verdicts[item.nodeid] for item in items}

    def pytest_collectreport(self, report):
        if report.failed:
            self.errors.append(clean(str(report.longrepr)))

    def pytest_internalerror(self, excrepr):
        self.errors.append(clean(str(excrepr)))

    def lab(self, path: Path) -> Lab:
        """What a test file is about."""
        if path not in self._labs:
            self._labs[path] = read_lab(path)
        return self._labs[path]

    def _is_graded(self, item) -> bool:
        if not self.lab(item.path).name:
            return False
        if _exercise(item) is None:
            raise BrokenTests(
                f"{item.nodeid}: a graded test belongs in a class with @exercise(name, points=...)"
            )
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector):
        # properties take the profile of the moment in which @given sees them
        with profile() if isinstance(collector, pytest.Module) else contextlib.nullcontext():
            return (yield)

    # ---- running

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        submission = pyfuncitem.funcargs.get("submission")
        if submission is None or pyfuncitem.nodeid not in self.verdicts:
            return (yield)
        seed = _number(self._seed, pyfuncitem)
        trial = pyfuncitem.stash[_TRIAL] = _Trial(submission)
        submission.start_test(seed)
        with profile(), trial.watching(pyfuncitem, seed):
            result = yield
        if submission.unwritten is not None:
            raise submission.unwritten
        if not submission.asked_anything:
            raise BrokenTests("this test never asked the submission anything")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        verdict = self.verdicts.get(item.nodeid)
        if verdict is None:
            return report
        if call.excinfo is not None:
            self.verdicts[item.nodeid] = verdict = _failed(
                verdict, call.excinfo.value, item.stash.get(_TRIAL, None)
            )
            report.longrepr = verdict_text(verdict)
        elif call.when == "call":
            self.verdicts[item.nodeid] = replace(verdict, passed=True, message="", hint="")
        return report

    def pytest_terminal_summary(self, terminalreporter, config):
        """Points of each exercise, for people who live in pytest."""
        if not self.verdicts or config.getoption("collectonly"):
            return
        terminalreporter.section("points")
        for name in dict.fromkeys(v.exercise for v in self.verdicts.values()):
            verdicts = [v for v in self.verdicts.values() if v.exercise == name]
            got, full = (sum(v.points for v in verdicts if v.passed), sum(v.points for v in verdicts))
            terminalreporter.line(f"{name:32} {points_text(got):>6} of {points_text(full)}")


class _SearchEnded(BaseException):
    """Ends the search for a smaller failing input. A BaseException, so that hypothesis lets it through."""


class _Trial:
    """One test on one submission: which example failed last, and how long to look for a smaller one."""

    def __init__(self, submission: Submission):
        self.submission = submission
        self.failure: Exception | None = None
        self.calls: tuple[Call, ...] = ()
        self.searched = False
        self._left = SEARCHES

    @contextlib.contextmanager
    def watching(self, item, seed: int) -> Iterator[None]:
        """Watches every example of a property, or the one run of a plain test."""
        handle = getattr(item.function, "hypothesis", None)
        if handle is None:
            try:
                yield
            except Exception as error:
                self._remember(error)
                raise
            return
        hypothesis.seed(seed)(item.function)
        with mock.patch.object(handle, "inner_test", self._watched(handle.inner_test)):
            yield

    def _watched(self, test):
        @functools.wraps(test)
        def run(*args, **kwargs):
            if self.failure is not None:
                if not self._left:
                    raise _SearchEnded
                self.searched = True
                self._left -= 1
            self.submission.start_example()
            try:
                return test(*args, **kwargs)
            except HypothesisException:  # assume(False)
                raise
            except Exception as error:
                self._remember(error)
                raise

        return run

    def _remember(self, error: Exception) -> None:
        self.failure, self.calls = error, self.submission.shown_calls


_TRIAL = pytest.StashKey[_Trial]()
_PLUGIN = pytest.StashKey[GradingPlugin]()


def _failed(verdict: Verdict, error: BaseException, trial: _Trial | None) -> Verdict:
    """The verdict of a test that ended with ``error``."""
    if isinstance(error, _SearchEnded) or (isinstance(error, OutOfTime) and trial.failure is not None):
        error = trial.failure
    calls = trial.calls if trial else ()
    if isinstance(error, Died):
        calls = trial.submission.shown_calls if trial else ()
    verdict = replace(verdict, passed=False, message=clean(_message(error, trial)))
    if isinstance(error, SubmissionError) and error.is_stub:
        return replace(verdict, hint="", unwritten=True)
    if isinstance(error, SubmissionError) and error.error.type == "NameError" and not error.was_raised:
        return replace(verdict, hint="", place=clean(_place(error)))
    smallest = trial is not None and trial.searched and not isinstance(error, Died | Flaky)
    verdict = replace(verdict, calls=tuple(map(_shown, calls)), smallest=smallest)
    if isinstance(error, Failure):
        verdict = replace(verdict, cause=error.cause, says_all=error.says_all)
    if isinstance(error, Died):
        verdict = replace(verdict, cause=verdict.message, says_all=True)
    if isinstance(error, Mismatch):
        where = error.where
        return replace(verdict, expected=snapshot(error.expected, where), got=snapshot(error.got, where))
    if isinstance(error, SubmissionError):
        return replace(verdict, place=clean(_place(error)))
    return replace(verdict, broken=not isinstance(error, Died | AssertionError | Flaky))


def _message(error: BaseException, trial: _Trial | None) -> str:
    if isinstance(error, Flaky):
        asked = trial.submission.asked if trial else "The submission"
        return f"{asked} gave two different answers for the same input: it depends on more than its arguments"
    if isinstance(error, SubmissionError):
        if error.is_stub:
            return f"{error.what} is not written yet"
        if not error.was_raised:
            return error.error.message
    if isinstance(error, Died | Failure):
        return str(error)
    if isinstance(error, AssertionError):
        # pytest may have rewritten the assertion to show what is in our objects
        said = str(error).partition("\nassert ")[0]
        return said if said and not said.startswith("assert ") else f"this should hold: {_line_of(error)}"
    reason = f"{type(error).__name__}: {error} (in {_line_of(error)})"
    return f"the test itself failed with {reason}. Please tell whoever wrote it"


def _line_of(error: BaseException) -> str:
    """The line of the test that raised: the last one in a file of tests."""
    frames = inspect.getinnerframes(error.__traceback__) if error.__traceback__ else []
    lines = [
        f.code_context[0].strip()
        for f in frames
        if f.code_context and Path(f.filename).name.startswith("test_")
    ]
    return lines[-1] if lines else "the grader"


def _place(failure: SubmissionError) -> str:
    error = failure.error
    if error.line is None:
        return error.hint or ""
    cell = f"cell {error.cell}, " if error.cell is not None else ""
    source = f": {error.source.strip()}" if error.source else ""
    return f"in {cell}line {error.line}{source}" + (f"\n{error.hint}" if error.hint else "")


def _shown(call: Call) -> Call:
    return Call(clean(call.text), tuple((clean(name), snapshot(value)) for name, value in call.arguments))


def _exercise(item):
    return getattr(getattr(item, "cls", None), "exercise", None)


def _sentence(item) -> str:
    doc = inspect.getdoc(item.function) or item.name.removeprefix("test_").replace("_", " ")
    case = f" [{item.callspec.id}]" if hasattr(item, "callspec") else ""
    return " ".join(doc.split("\n\n")[0].split()) + case


def _hint(item) -> str:
    inner = getattr(getattr(item.function, "hypothesis", None), "inner_test", None)
    return getattr(item.function, "hint", "") or getattr(inner, "hint", "")


def _number(seed: int, item) -> int:
    """A seed of its own for each test, the same wherever the test lies and whatever else is imported."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{_exercise(item).name}/{item.name}".encode()).digest()[:4])


# ---- pytest and hypothesis, started inside another program and leaving nothing behind

# What grading has no use for, and what reaches outside: the terminal, caches, capturing, signal handlers.
_WITHOUT = (
    "terminal", "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "logging",
    "pastebin", "stepwise", "threadexception", "unraisableexception", "unittest", "warnings",
)  # fmt: skip


def run_tests(lab: Lab, plugin: GradingPlugin) -> list[Verdict]:
    """Runs a lab's graded tests in this process and returns their verdicts, in the order they are written.

    Raises:
        BrokenTests: the module cannot be collected, or holds no exercise.
    """
    off = [part for name in _WITHOUT for part in ("-p", f"no:{name}")]
    where = ["-c", os.devnull, "--rootdir", str(lab.path.parent), "--noconftest", "--import-mode=importlib"]
    with _untouched_process():
        code = pytest.main(
            [*where, "--assert=plain", "-p", "no:hypothesispytest", *off, str(lab.path)],
            [plugin, sys.modules[__name__]],
        )
    if code == pytest.ExitCode.INTERRUPTED and not plugin.errors:
        raise KeyboardInterrupt
    if plugin.errors or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise BrokenTests(f"{lab.path.name} cannot be used: {' '.join(plugin.errors) or code.name}")
    return told_once(list(plugin.verdicts.values()))


def told_once(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts, with what most tests of an exercise failed for told by the first of them alone.

    A constructor that raises ends every test, whatever it wants to look at: its hint would lead astray.
    """
    tests = Counter(v.exercise for v in verdicts)
    causes = Counter((v.exercise, v.cause) for v in verdicts if v.cause)
    first: dict[tuple[str, str], Verdict] = {}
    told = []
    for v in verdicts:
        if not v.cause or 2 * causes[v.exercise, v.cause] <= max(tests[v.exercise], 2):
            told.append(v)
            continue
        before = first.setdefault((v.exercise, v.cause), v)
        if v is before:
            told.append(replace(v, hint="" if v.says_all else v.hint))
            continue
        same = v.message.startswith(before.message)  # or the same, and what was expected instead
        message = "The same as above." if same else f"As above: {v.message}"
        told.append(replace(v, message=message, hint="", place="", calls=(), smallest=False))
    return told


@contextlib.contextmanager
def profile() -> Iterator[None]:
    """Hypothesis as graded tests use it: few examples, no database, no deadline, no trace on disk.

    Examples must not depend on what else this process has imported, but hypothesis sprinkles literals from
    loaded modules into its draws: here it finds none.
    """
    before = settings.get_current_profile_name()
    settings.register_profile(
        "cnncourse",
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        print_blob=False,
    )
    no_constants = providers.Constants()
    with (
        tempfile.TemporaryDirectory(prefix="cnncourse-") as folder,
        mock.patch.object(providers, "_get_local_constants", lambda: no_constants),
        mock.patch.object(providers, "CONSTANTS_CACHE", type(providers.CONSTANTS_CACHE)(1024)),
        mock.patch.object(configuration, "__hypothesis_home_directory", Path(folder)),
    ):
        settings.load_profile("cnncourse")
        try:
            yield
        finally:
            settings.load_profile(before)


@contextlib.contextmanager
def _untouched_process() -> Iterator[None]:
    """Runs pytest with nothing of its user's settings, and takes out of the process what it put in."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    modules = set(sys.modules)
    with (
        mock.patch.dict(os.environ, environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, clear=True),
    ):
        try:
            yield
        finally:
            for name in set(sys.modules) - modules:
                if name.startswith("test_"):
                    del sys.modules[name]
