"""The labs' graded tests on another device than the CPU: a GPU where `--device cuda` says so, else the pretend one."""

from pathlib import Path

import pytest
import torch

from cnncourse.grading.isolation import wire
from cnncourse.grading.isolation.definitions import new_definitions
from cnncourse.grading.lab import find_labs
from cnncourse.grading.local import LocalBackend
from cnncourse.grading.plugin import GradingPlugin
from cnncourse.grading.reading import read
from cnncourse.grading.running import run_tests

SOLUTIONS = Path(__file__).parents[2] / "solutions"
LABS = find_labs()

# What a student writes whose machine has no GPU: the result is made on the CPU, whatever the inputs are on.
FORGETS_THE_DEVICE = """
def l1_distances(a, b):
    a, b = as_rows(a), as_rows(b)
    if a.shape[1] != b.shape[1]:
        raise ValueError("sizes differ")
    if isinstance(a, torch.Tensor):
        distances = torch.zeros(len(a), len(b), dtype=torch.promote_types(a.dtype, b.dtype))
        for i in torch.arange(len(a)):
            distances[i] = (a[i] - b).abs().sum(1) + torch.zeros(len(b), dtype=a.dtype)
        return distances
    return abs(a[:, None] - b).sum(-1)
"""


@pytest.fixture
def other(request, monkeypatch):
    """The device under test, as the graded tests take it."""
    if request.config.getoption("--device") == "cuda":
        return "cuda"
    monkeypatch.setattr(wire, "TENSORS", {*wire.TENSORS, type(torch.empty(0, device="pretend"))})
    return "pretend"


def verdicts(lab, device, more=""):
    definitions = new_definitions()
    definitions.load(read(SOLUTIONS / f"{lab}.ipynb").cells, LABS[lab].exercises)
    exec(more, definitions.namespace)
    backend = LocalBackend(definitions.namespace, ("cpu", device))
    return run_tests(LABS[lab], GradingPlugin(lambda _: backend, device=device))


@pytest.mark.parametrize("lab", LABS)
def test_the_solution_passes_there_too(lab, other):
    assert [(v.exercise, v.name, v.message) for v in verdicts(lab, other) if not v.passed] == []


def test_a_forgotten_device_is_caught_in_the_test_of_tensors(other):
    failed = [v for v in verdicts("01_nearest_neighbours", other, FORGETS_THE_DEVICE) if not v.passed]
    assert "test_tensors_stay_tensors" in {v.name for v in failed if v.exercise == "l1_distances"}
    on_the_cpu = verdicts("01_nearest_neighbours", "cpu", FORGETS_THE_DEVICE)
    assert all(v.passed for v in on_the_cpu if v.exercise == "l1_distances")
