"""Small exercises and submissions, graded in this process: what isolation adds has tests of its own."""

import contextlib
import re
import textwrap

import pytest

from cnncourse.grading.isolation.definitions import new_definitions
from cnncourse.grading.isolation.session import Session
from cnncourse.grading.lab import read_lab
from cnncourse.grading.local import LocalBackend
from cnncourse.grading.plugin import GradingPlugin
from cnncourse.grading.running import run_tests
from cnncourse.grading.seam import Cell, Problems

HEAD = """
import numpy as np
from hypothesis import given, settings, strategies as st
from cnncourse.grading import *
"""


class InProcess(LocalBackend):
    """The cells of a submission in this process, with the interface that a template's backends have."""

    def __init__(self, cells, exercises=()):
        self.definitions = new_definitions()
        self.restarts = 0
        self.definitions.load(cells, exercises)
        super().__init__(self.definitions.namespace)

    def problems(self):
        found = self.definitions
        return Problems(tuple(found.problems), found.skipped, tuple(found.names()))

    def restart(self):
        found = self.definitions
        self._session = Session(self._namespace, found.skipped, found.cells, found.missing)
        self.restarts += 1
        self._stuck = False


class InProcessTemplate:
    """Stands in for the template process."""

    in_force = {"isolation": "none"}  # noqa: RUF012

    def __init__(self, *answers, isolation="auto", device="cpu"):
        pass

    def __enter__(self):
        return self

    def close(self):
        pass

    def start(self, cells, exercises=()):
        return InProcess(cells, exercises)


@pytest.fixture
def small_lab(tmp_path):
    """Writes graded tests and gives their lab: ``small_lab(text of the classes)``."""

    def write(tests: str):
        folder = tmp_path / "labs" / "07_small"
        folder.mkdir(parents=True, exist_ok=True)
        names = re.findall(r'^@exercise\("(\w+)"', textwrap.dedent(tests), re.MULTILINE)
        numbers = {name: str(number) for number, name in enumerate(names, 1)}
        (folder / "lab.py").write_text(f'SOURCE = ("math", "cmath")\nEXERCISES = {numbers}\n')
        (folder / "test_small.py").write_text(HEAD + textwrap.dedent(tests))
        return read_lab(folder)

    return write


@pytest.fixture
def verdicts(small_lab):
    """Grades a submission with graded tests: ``verdicts(submission, tests)`` is a verdict for each test's name."""

    def run(submission: str, tests: str, **options):
        cells = (Cell(1, textwrap.dedent(submission)),)
        found = run_tests(
            small_lab(tests), GradingPlugin(lambda lab: InProcess(cells, lab.exercises), **options)
        )
        return {verdict.name: verdict for verdict in found}

    return run


@pytest.fixture
def in_process(monkeypatch, small_lab):
    """Makes ``run.grade`` use small graded tests in this process: ``in_process(tests)`` gives the lab's folder."""

    def use(tests: str):
        from cnncourse.grading import run

        folder = small_lab(tests).path.parent
        monkeypatch.setattr("cnncourse.grading.lab.labs_folder", lambda: folder)
        monkeypatch.setattr(run, "Template", InProcessTemplate)
        return folder

    return use


@pytest.fixture(scope="session")
def isolated():
    """A template in full isolation, shared by all tests that need one; its lab is about ``cnncourse.neighbors``."""
    from cnncourse.grading.isolation.template import IsolationError, Template

    with contextlib.ExitStack() as stack:
        try:
            template = stack.enter_context(Template("cnncourse.neighbors", isolation="strict"))
        except IsolationError as error:
            pytest.skip(f"namespaces: {error}")
        yield template
