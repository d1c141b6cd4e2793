"""The pytest plugin that runs graded tests on a submission: one for grade, check and pytest itself."""

import contextlib
import hashlib
import importlib
import inspect
from collections import ChainMap, Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cnncourse.grading.compare import Failure
from cnncourse.grading.examples import Trial, inner_test, profile
from cnncourse.grading.exercise import points_text
from cnncourse.grading.failures import BrokenTests, failed
from cnncourse.grading.lab import Lab, read_lab
from cnncourse.grading.proxy import Submission
from cnncourse.grading.reports.show import verdict_text
from cnncourse.grading.seam import Backend, Died
from cnncourse.grading.shown import clean
from cnncourse.grading.verdict import Verdict


@pytest.fixture(scope="module")
def reference(request):
    """The answers: the names of the library modules that hold them, those of the first module first."""
    modules = map(importlib.import_module, request.config.stash[_PLUGIN].lab(request.path).sources)
    return SimpleNamespace(**ChainMap(*map(vars, modules)))


@pytest.fixture(scope="module")
def submission(request, reference):
    """The submission under test. Raises Failure when it cannot even be loaded."""
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
        self._labs: dict[Path, Lab | None] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.errors: list[str] = []

    def pytest_configure(self, config):
        config.stash[_PLUGIN] = self

    # ---- collection

    def pytest_collection_modifyitems(self, items):
        """Gives every graded test its verdict, and all of them their order. Raises BrokenTests."""
        graded = [item for item in items if self._is_graded(item)]
        place = {id(item): self.lab(item.path).place(_exercise(item).name) for item in graded}
        if len(graded) == len(items):  # whole modules of one lab follow each other: their order is the lab's
            items.sort(key=lambda item: (self.lab(item.path).name, place[id(item)]))
            graded = list(items)
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

    def lab(self, path: Path) -> Lab | None:
        """The lab that a test file belongs to; None where its folder is no lab's."""
        folder = path.parent
        if folder not in self._labs:
            self._labs[folder] = read_lab(folder)
        return self._labs[folder]

    def _is_graded(self, item) -> bool:
        if self.lab(item.path) is None:
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
        """Runs one test. Raises BrokenTests for one that asked nothing, and an error that it swallowed."""
        submission = pyfuncitem.funcargs.get("submission")
        if submission is None or pyfuncitem.nodeid not in self.verdicts:
            return (yield)
        seed = _number(self._seed, pyfuncitem)
        trial = pyfuncitem.stash[_TRIAL] = Trial(submission)
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
            trial = item.stash.get(_TRIAL, None)
            self.verdicts[item.nodeid] = verdict = failed(verdict, call.excinfo.value, trial)
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


_TRIAL = pytest.StashKey[Trial]()
_PLUGIN = pytest.StashKey[GradingPlugin]()


def _exercise(item):
    return getattr(getattr(item, "cls", None), "exercise", None)


def _sentence(item) -> str:
    doc = inspect.getdoc(item.function) or item.name.removeprefix("test_").replace("_", " ")
    case = f" [{item.callspec.id}]" if hasattr(item, "callspec") else ""
    return " ".join(doc.split("\n\n")[0].split()) + case


def _hint(item) -> str:
    return getattr(item.function, "hint", "") or getattr(inner_test(item.function), "hint", "")


def _number(seed: int, item) -> int:
    """A seed of its own for each test, the same wherever the test lies and whatever else is imported."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{_exercise(item).name}/{item.name}".encode()).digest()[:4])
