"""The harness of `make bench`, without measuring anything."""

import io
import platform

import numpy as np
import pytest
from rich.console import Console

from benchmarks import Result, neighbors
from benchmarks.__main__ import show


def test_a_result_is_shown_with_its_gaps_notes_and_failures():
    console = Console(width=80, record=True, file=io.StringIO())
    rows = [{"who": "ours", "seconds": 0.01234}, {"who": "[theirs]", "seconds": 1234.5, "extra": None}]
    show(console, Result("Speed", rows, ["a note"], ["it is wrong"]))
    text = console.export_text()
    for part in ("Speed", "0.0123", "1,234", "[theirs]", "–", "a note", "Failed: it is wrong"):
        assert part in text, part


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the instruction is x86's")
def test_the_kernel_is_compiled_to_the_packed_sum_of_absolute_differences():
    found, instruction = neighbors.packed_instruction()
    assert found >= 8 and instruction == "psadbw"


@pytest.mark.parametrize("name", neighbors.CONTESTANTS)
def test_every_contestant_finds_the_same_distances(name):
    prepare, package, _ = neighbors.CONTESTANTS[name]
    pytest.importorskip(package)
    images = np.random.default_rng(0).integers(0, 256, (40, 96), dtype=np.uint8)
    expected = np.sort(np.abs(images[:3, None].astype(int) - images).sum(-1))[:, : neighbors.NEIGHBOURS]
    np.testing.assert_array_equal(prepare(images)(images[:3]), expected)
