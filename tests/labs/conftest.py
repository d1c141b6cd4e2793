"""`pytest tests/labs/NN_name --submission FILE` grades a file; without it the solutions are graded."""

from pathlib import Path

import pytest

from cnncourse import files
from cnncourse.grading import reading
from cnncourse.grading.isolation.template import Template
from cnncourse.grading.lab import Lab
from cnncourse.grading.plugin import GradingPlugin, device, reference, submission  # noqa: F401


def pytest_addoption(parser):
    group = parser.getgroup("grading")
    group.addoption("--submission", type=Path, help="grade this notebook or .py file, not the solutions")
    group.addoption("--isolation", default="auto", help="auto, strict or none, as for cnncourse grade")
    group.addoption("--seed", type=int, default=0, help="varies the random inputs of graded tests")


def pytest_configure(config):
    templates = {}

    def open_backend(lab: Lab):
        if lab.name not in templates:
            template = Template(*lab.hidden, isolation=config.getoption("isolation", "auto"), device=where)
            templates[lab.name] = template.__enter__()
            config.add_cleanup(template.close)
        return templates[lab.name].start(_cells(config.getoption("submission", None), lab), lab.exercises)

    # without defaults for the options: `pytest tests` reads this file too late to add them
    where = config.getoption("device", "cpu")
    config.pluginmanager.register(GradingPlugin(open_backend, where, config.getoption("seed", 0)))


def _cells(path: Path | None, lab: Lab):
    path = path or files.root() / "solutions" / f"{lab.name}.ipynb"
    found = reading.read(path)
    if found.problem is not None:
        raise pytest.UsageError(f"{path}: {found.problem.message}")
    return found.cells
