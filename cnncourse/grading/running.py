"""Graded tests run by pytest, started inside another program and leaving nothing behind."""

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from unittest import mock

import pytest

from cnncourse.grading import plugin as fixtures
from cnncourse.grading.failures import BrokenTests
from cnncourse.grading.lab import Lab
from cnncourse.grading.plugin import GradingPlugin
from cnncourse.grading.verdict import Verdict

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
    where = ["-c", os.devnull, "--rootdir", str(lab.path), "--noconftest", "--import-mode=importlib"]
    with _untouched_process():
        code = pytest.main(
            [*where, "--assert=plain", "-p", "no:hypothesispytest", *off, str(lab.path)],
            [plugin, fixtures],
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
