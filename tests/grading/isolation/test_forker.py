"""The forker's own promises, without a submission."""

import subprocess
import sys

import pytest

from cnncourse.grading.isolation.forker import Hidden


def run(code: str, *arguments: object) -> str:
    """In a fresh interpreter: whoever forks must not have torch's threads."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def test_it_ends_after_its_workers_and_not_before(tmp_path):
    code = """
import os, sys, time
from cnncourse.grading.isolation.forker import Forker
for name in sys.argv[1:]:
    if os.fork() == 0:
        time.sleep(0.3)
        open(name, "w").close()
        os._exit(0)
Forker.finish(None)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "a"), str(tmp_path / "b")]
    # No pipes: reading one would wait for the workers, who hold its other end.
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_it_ends_when_there_is_nobody_to_wait_for():
    assert run("from cnncourse.grading.isolation.forker import Forker; Forker.finish(None)") == ""


def test_a_hidden_module_says_why_it_is_not_there_and_others_are_left_alone():
    hidden = Hidden(["cnncourse.neighbors"])
    with pytest.raises(ModuleNotFoundError, match="hidden while this lab is graded"):
        hidden.find_spec("cnncourse.neighbors")
    assert hidden.find_spec("cnncourse.neighbors_of_others") is None


def test_it_does_not_import_torch_before_it_knows_whether_it_may_fork():
    assert run("import sys, cnncourse.grading.isolation.forker; print('torch' in sys.modules)") == "False\n"
