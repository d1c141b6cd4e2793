"""Experiments run side by side, resume where they were cut off, and leave one whole JSON."""

import json
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnncourse.cli import app
from cnncourse.training import experiments, reproduce


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An experiment in a package folder of its own; it counts its runs in a file and fails on demand."""
    (tmp_path / "toy.py").write_text(
        '"""Does doubling double?\n\nMore words."""\n'
        "import os, pathlib\n"
        'LECTURE = ("A0",)\n'
        "def settings(scale):\n"
        '    return [{"seed": seed, "factor": factor} for seed in range(3) for factor in (1, 2)]\n'
        "def run(setting, data, device):\n"
        '    pathlib.Path(os.environ["TOY_RUNS"]).open("a").write("x")\n'
        '    if setting == {"seed": 1, "factor": 2} and os.environ.get("TOY_FAILS"):\n'
        '        raise RuntimeError("cut off")\n'
        '    return {"value": setting["factor"] * (10 + setting["seed"])}\n'
        "def summary(rows):\n"
        '    return {"values": [row["value"] for row in rows]}\n'
        "def draw(result):\n"
        "    from cnncourse.visualize.figure import subplots\n"
        "    figure, ((axes,),) = subplots()\n"
        '    axes.plot(result["summary"]["values"])\n'
        "    return figure\n"
    )
    monkeypatch.setattr(experiments, "__path__", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "cnncourse.training.experiments.toy", raising=False)
    monkeypatch.setenv("TOY_RUNS", str(tmp_path / "runs"))
    yield tmp_path
    sys.modules.pop("cnncourse.training.experiments.toy", None)


def test_a_result_holds_question_summary_and_runs_in_the_order_of_settings(toy):
    result = reproduce.reproduce("toy", toy / "results", jobs=1)
    assert result == json.loads((toy / "results/toy.json").read_text())
    assert (toy / "results/toy.png").read_bytes().startswith(b"\x89PNG")
    assert result["question"] == "Does doubling double?"
    assert result["summary"] == {"values": [10, 20, 11, 22, 12, 24]}
    assert result["runs"][3] == {"seed": 1, "factor": 2, "value": 22}


def test_an_experiment_that_was_cut_off_repeats_no_run_that_was_done(toy, monkeypatch):
    monkeypatch.setenv("TOY_FAILS", "1")
    with pytest.raises(RuntimeError, match="cut off"):
        reproduce.reproduce("toy", toy / "results", jobs=1)
    assert not (toy / "results/toy.json").exists()
    monkeypatch.delenv("TOY_FAILS")
    (toy / "runs").unlink()
    reproduce.reproduce("toy", toy / "results", jobs=1)
    assert len((toy / "runs").read_text()) == 3  # three of six were done
    assert not list((toy / "results/.runs").iterdir())


def test_runs_of_another_version_of_the_experiment_are_not_taken_over(toy, monkeypatch):
    monkeypatch.setenv("TOY_FAILS", "1")
    with pytest.raises(RuntimeError):
        reproduce.reproduce("toy", toy / "results", jobs=1)
    monkeypatch.delenv("TOY_FAILS")
    (toy / "runs").unlink()
    module = reproduce.experiment("toy")
    changed = types.SimpleNamespace(**vars(module))
    monkeypatch.setattr(reproduce, "experiment", lambda name: changed)
    monkeypatch.setattr(reproduce.inspect, "getsource", lambda module: "another version")
    reproduce.reproduce("toy", toy / "results", jobs=1)
    assert len((toy / "runs").read_text()) == 6


def test_the_time_it_took_is_known_afterwards(toy):
    assert reproduce.seconds_known("toy", toy / "results") is None
    reproduce.reproduce("toy", toy / "results", jobs=1)
    assert reproduce.seconds_known("toy", toy / "results") >= 0


def test_further_pictures_lie_beside_the_figure(toy, monkeypatch):
    from cnncourse.visualize.figure import subplots

    module = types.SimpleNamespace(**vars(reproduce.experiment("toy")))
    module.pictures = lambda result: {"sheet": subplots()[0]}
    monkeypatch.setattr(reproduce, "experiment", lambda name: module)
    monkeypatch.setattr(reproduce.inspect, "getsource", lambda module: "")
    reproduce.reproduce("toy", toy / "results", jobs=1)
    assert sorted(file.name for file in (toy / "results").glob("*.png")) == ["toy-sheet.png", "toy.png"]


def test_a_sweep_that_was_cut_off_goes_on_behind_what_was_done_and_then_starts_anew(tmp_path):
    sweep = reproduce.Sweep(tmp_path / "runs", "cook", ["a", "b"])
    assert sweep.left == ["a", "b"]
    sweep.add("a")
    assert reproduce.Sweep(tmp_path / "runs", "cook", ["b", "a"]).left == ["b"]
    assert reproduce.Sweep(tmp_path / "runs", "bake", ["a", "b"]).left == ["a", "b"]  # another command
    assert reproduce.Sweep(tmp_path / "runs", "cook", ["a", "c"]).left == ["a", "c"]  # other names
    reproduce.Sweep(tmp_path / "runs", "cook", ["a", "b"]).add("b")
    assert reproduce.Sweep(tmp_path / "runs", "cook", ["a", "b"]).left == ["a", "b"]
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("which", [["--all"], ["toy", "toy2"]])
def test_the_command_for_many_repeats_no_experiment_that_was_done(toy, monkeypatch, which):
    (toy / "toy2.py").write_text((toy / "toy.py").read_text())
    monkeypatch.setenv("TOY_FAILS", "1")
    arguments = ["reproduce", *which, "--jobs", "1", "--results", str(toy / "results")]
    assert isinstance(CliRunner().invoke(app, arguments).exception, RuntimeError)
    reproduce.Sweep(toy / "results/.runs", "reproduce cpu None cpu", ["toy", "toy2"]).add("toy")
    monkeypatch.delenv("TOY_FAILS")
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert "1 of 2 were done before" in outcome.output
    assert (toy / "results/toy2.json").exists() and not (toy / "results/toy.json").exists()
    assert not list((toy / "results/.runs").glob("sweep-*"))
    sys.modules.pop("cnncourse.training.experiments.toy2", None)


def test_no_process_outlives_a_command_that_is_killed(tmp_path):
    code = f"""
import os, pathlib, time
from cnncourse.training.reproduce import side_by_side

def work(name):
    pathlib.Path({str(tmp_path)!r}, name).write_text(str(os.getpid()))
    time.sleep(60)

if __name__ == "__main__":
    list(side_by_side(work, [("a",), ("b",)], 2))
"""
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"])
    wait_for(lambda: all((tmp_path / name).exists() and (tmp_path / name).read_text() for name in "ab"))
    parent.kill()
    parent.wait()
    for name in "ab":
        process = int((tmp_path / name).read_text())
        wait_for(lambda process=process: not is_running(process))


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def is_running(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(
        f"/proc/{process}/stat"
    )  # one that ended stays listed as a zombie where nobody takes its status
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_unknown_names_and_scales_are_named(toy):
    with pytest.raises(ValueError, match=r"No experiment is called 'tyo'; there are toy"):
        reproduce.reproduce("tyo", toy)
    with pytest.raises(ValueError, match=r"No scale is called 'huge'; there are cpu, full"):
        reproduce.reproduce("toy", toy, scale="huge")


def test_spread_and_paired_differences():
    assert reproduce.spread([1.0, 3.0]) == {"mean": 2.0, "std": 1.414214, "n": 2}
    rows = [{"seed": s, "crop": c, "error": e} for s, c, e in [(0, 1, 3), (1, 1, 5), (1, 0, 9), (0, 0, 4)]]
    assert reproduce.paired(rows, "crop", "error", 1, 0) == {
        "mean": -2.5,
        "std": 2.12132,
        "n": 2,
        "positive": 0,
    }
