"""Hypothesis as graded tests use it. All that grading takes from inside of hypothesis stands here."""

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import hypothesis
from hypothesis import HealthCheck, Phase, configuration, settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.internal.conjecture import providers

from cnncourse.grading.proxy import Submission
from cnncourse.grading.verdict import Call

EXAMPLES = 10  # inputs a property is tried on
# Further runs to find a smaller failing input: the search for the very smallest is not worth a wait.
SEARCHES = 150

_HOME = "__hypothesis_home_directory"
_PRIVATE = ((providers, ("Constants", "CONSTANTS_CACHE", "_get_local_constants")), (configuration, (_HOME,)))
if _missing := [name for module, names in _PRIVATE for name in names if not hasattr(module, name)]:
    raise ImportError(
        f"Grading works inside hypothesis, and version {hypothesis.__version__} has no {', '.join(_missing)} there: "
        "install the version that requirements.txt names."
    )


def is_flaky(error: BaseException) -> bool:
    """Whether two runs with one input ended differently."""
    return isinstance(error, Flaky)


def inner_test(function):
    """The test under ``@given``, or the function itself."""
    return getattr(getattr(function, "hypothesis", None), "inner_test", function)


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
        mock.patch.object(configuration, _HOME, Path(folder)),
    ):
        settings.load_profile("cnncourse")
        try:
            yield
        finally:
            settings.load_profile(before)


class SearchEnded(BaseException):
    """Ends the search for a smaller failing input. A BaseException, so that hypothesis lets it through."""


class Trial:
    """One test on one submission: which example failed last, and how long to look for a smaller one."""

    def __init__(self, submission: Submission):
        self.submission = submission
        self.failure: Exception | None = None
        self.calls: tuple[Call, ...] = ()
        self.searched = False
        self._left = SEARCHES

    @contextlib.contextmanager
    def watching(self, item, seed: int) -> Iterator[None]:
        """Watches every example of a property, or the one run of a plain test. Raises what the test raises."""
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
                    raise SearchEnded
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

    def calls_of(self, error: BaseException) -> tuple[Call, ...]:
        """The calls that led to ``error``; only an Exception was remembered together with them."""
        return self.calls if isinstance(error, Exception) else self.submission.shown_calls

    def _remember(self, error: Exception) -> None:
        self.failure, self.calls = error, self.submission.shown_calls
