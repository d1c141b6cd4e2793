"""Experiments run side by side, resume where they were cut off, and leave one whole JSON."""

import json
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cnncourse import experiments, files
from cnncourse.cli import app
from cnncourse.experiments import runner


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An experiment in a folder of its own; it counts its runs in a file and fails on demand."""
    part = tmp_path / "cnncourse/experiments/part"
    part.mkdir(parents=True)
    (part / "toy.py").write_text(
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
    helper = tmp_path / "cnncourse/visualize/figure.py"  # in this copy for what the fingerprint says of it
    helper.parent.mkdir()
    helper.write_text("WIDTH = 1\n")
    monkeypatch.setattr(experiments, "__path__", [str(part.parent)])
    monkeypatch.setattr(files, "root", lambda: tmp_path)
    monkeypatch.setenv("TOY_RUNS", str(tmp_path / "runs"))
    package = types.ModuleType("cnncourse.experiments.part")
    package.__path__ = [str(part)]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    yield tmp_path
    for name in ("toy", "toy2"):
        sys.modules.pop(f"{package.__name__}.{name}", None)


def cut_off(toy, monkeypatch, **options):
    """Three of the six runs are done, then it fails; returns a function that goes on and says how many were run."""
    monkeypatch.setenv("TOY_FAILS", "1")
    with pytest.raises(RuntimeError, match="cut off"):
        runner.reproduce("toy", toy / "results", jobs=1, **options)
    monkeypatch.delenv("TOY_FAILS")

    def go_on(**options) -> int:
        (toy / "runs").unlink()
        runner.reproduce("toy", toy / "results", jobs=1, **options)
        return len((toy / "runs").read_text())

    return go_on


def test_a_result_holds_question_summary_and_runs_in_the_order_of_settings(toy):
    result = runner.reproduce("toy", toy / "results", jobs=1)
    assert result == json.loads((toy / "results/toy.json").read_text())
    assert (toy / "results/toy.png").read_bytes().startswith(b"\x89PNG")
    assert result["question"] == "Does doubling double?"
    assert result["summary"] == {"values": [10, 20, 11, 22, 12, 24]}
    assert result["runs"][3] == {"seed": 1, "factor": 2, "value": 22}


def test_an_experiment_that_was_cut_off_repeats_no_run_that_was_done(toy, monkeypatch):
    go_on = cut_off(toy, monkeypatch)
    assert not (toy / "results/toy.json").exists()
    assert go_on() == 3
    assert not list((toy / "results/.runs").iterdir())


@pytest.mark.parametrize("file", ["experiments/part/toy.py", "visualize/figure.py"])
def test_runs_of_other_code_are_not_taken_over_be_it_the_experiments_or_what_it_imports(
    toy, monkeypatch, file
):
    go_on = cut_off(toy, monkeypatch)
    (toy / "cnncourse" / file).open("a").write("WIDTH = 2\n")
    assert go_on() == 6


def test_runs_of_code_that_only_reads_differently_are_taken_over(toy, monkeypatch):
    go_on = cut_off(toy, monkeypatch)
    (toy / "cnncourse/experiments/part/toy.py").open("a").write("# a remark\n")
    assert go_on() == 3


def test_runs_on_other_data_are_not_taken_over(toy, monkeypatch):
    go_on = cut_off(toy, monkeypatch, data="one")
    assert go_on(data="two") == 6
    assert go_on() == 6
    assert go_on(data=str(Path.cwd() / "one")) == 3  # the same folder by another name


def test_runs_on_another_device_are_not_taken_over(toy, monkeypatch):
    go_on = cut_off(toy, monkeypatch, device="cuda")
    assert go_on(device="cpu") == 6
    assert go_on(device="cuda") == 3


def test_the_time_it_took_is_known_afterwards(toy):
    assert runner.seconds_known("toy", toy / "results") is None
    runner.reproduce("toy", toy / "results", jobs=1)
    assert runner.seconds_known("toy", toy / "results") >= 0


def test_further_pictures_lie_beside_the_figure(toy, monkeypatch):
    from cnncourse.visualize.figure import subplots

    monkeypatch.setattr(
        runner.experiment("toy"), "pictures", lambda result: {"sheet": subplots()[0]}, raising=False
    )
    runner.reproduce("toy", toy / "results", jobs=1)
    assert sorted(file.name for file in (toy / "results").glob("*.png")) == ["toy-sheet.png", "toy.png"]


def test_a_sweep_that_was_cut_off_goes_on_behind_what_was_done_and_then_starts_anew(tmp_path):
    def sweep(command, names, code=str.upper):
        return runner.Sweep(tmp_path / "runs", command, names, code)

    assert sweep("cook", ["a", "b"]).left == ["a", "b"]
    sweep("cook", ["a", "b"]).add("a")
    assert sweep("cook", ["b", "a"]).left == ["b"]
    assert sweep("bake", ["a", "b"]).left == ["a", "b"]  # another command
    assert sweep("cook", ["a", "c"]).left == ["a", "c"]  # other names
    assert sweep("cook", ["a", "b"], str.title).left == ["b"]  # code that is called the same
    assert sweep("cook", ["a", "b"], lambda name: "changed").left == ["a", "b"]
    sweep("cook", ["a", "b"]).add("b")
    assert sweep("cook", ["a", "b"]).left == ["a", "b"]
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("which", [["--all"], ["toy", "toy2"]])
def test_the_command_for_many_repeats_no_experiment_that_was_done(toy, monkeypatch, which):
    part = toy / "cnncourse/experiments/part"
    (part / "toy2.py").write_text((part / "toy.py").read_text())
    monkeypatch.setenv("TOY_FAILS", "1")
    arguments = ["reproduce", *which, "--jobs", "1", "--results", str(toy / "results")]
    assert isinstance(CliRunner().invoke(app, arguments).exception, RuntimeError)
    runner.Sweep(toy / "results/.runs", "reproduce cpu None cpu", ["toy", "toy2"], runner.code).add("toy")
    monkeypatch.delenv("TOY_FAILS")
    outcome = CliRunner().invoke(app, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert "1 of 2 were done before" in outcome.output
    assert (toy / "results/toy2.json").exists() and not (toy / "results/toy.json").exists()
    assert not list((toy / "results/.runs").glob("sweep-*"))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc who runs")
def test_no_process_outlives_a_command_that_is_killed(tmp_path):
    """Waits for what is to happen as long as it takes, not for a time."""
    line = ["reproduce", "neighbors_k", "--jobs", "2", "--results", tmp_path]
    command = [sys.executable, "-c", "from cnncourse.cli import app; app()", *line]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while len(started := children(parent.pid)) < 2:
        assert parent.poll() is None
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    while any(map(alive, started)):
        time.sleep(0.02)


def state_of(process: int) -> list[str]:
    """What /proc says behind the name: the state, the parent, ...; nothing of a process that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["Z", "0"]


def alive(process: int) -> bool:
    return state_of(process)[0] != "Z"


def children(parent: int) -> list[int]:
    everybody = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [process for process in everybody if int(state_of(process)[1]) == parent and alive(process)]


def test_unknown_names_and_scales_are_named(toy):
    with pytest.raises(ValueError, match=r"No experiment is called 'tyo'; there are toy"):
        runner.reproduce("tyo", toy)
    with pytest.raises(ValueError, match=r"No scale is called 'huge'; there are cpu, full"):
        runner.reproduce("toy", toy, scale="huge")
