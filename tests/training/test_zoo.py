"""Small networks are trained and stored with the figure of the stored file."""

from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from cnncourse import imports
from cnncourse.cli import app
from cnncourse.experiments import runner
from cnncourse.files import FileError
from cnncourse.training import tasks, zoo
from cnncourse.training.checkpoints import load_weights
from cnncourse.training.recipe import Recipe


def test_making_a_network_stores_it_with_its_figure(tmp_path, monkeypatch):
    small = zoo.Entry(
        zoo.ZOO["alexnet"].build, Recipe(epochs=1, batch_size=32, optimizer="adam", lr=1e-3), 64
    )
    monkeypatch.setitem(zoo.ZOO, "alexnet", small)
    monkeypatch.setattr(tasks, "error", lambda model, count, times=1: float(count))
    found = zoo.make("alexnet", tmp_path)
    assert found["test_error"] == 10_000
    assert found["recipe"]["epochs"] == 1
    model = small.build()
    load_weights(tmp_path / "alexnet.safetensors", model)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


def test_a_training_that_was_cut_off_goes_on_at_its_last_epoch(tmp_path, monkeypatch):
    small = zoo.Entry(
        zoo.ZOO["alexnet"].build, Recipe(epochs=2, batch_size=32, optimizer="adam", lr=1e-3), 64
    )
    monkeypatch.setitem(zoo.ZOO, "alexnet", small)
    monkeypatch.setattr(tasks, "error", lambda model, count, times=1: float(count))
    whole = zoo.make("alexnet", tmp_path / "whole", tmp_path / "runs")
    assert not list((tmp_path / "runs").iterdir())
    seen = []

    def cut_off(row):
        seen.append(row["epoch"])
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zoo.make("alexnet", tmp_path / "cut", tmp_path / "runs", cut_off)
    seen.clear()
    monkeypatch.setattr(zoo, "time", SimpleNamespace(process_time=iter([5.0, 15.0]).__next__))
    found = zoo.make("alexnet", tmp_path / "cut", tmp_path / "runs", lambda row: seen.append(row["epoch"]))
    assert set(seen) == {1} and found["seconds"] == 20  # of both epochs, at the pace of the second
    files = [(tmp_path / name / "alexnet.safetensors").read_bytes() for name in ("whole", "cut")]
    assert files[0] == files[1] and whole["recipe"]["epochs"] == 2


def test_a_training_that_was_cut_off_begins_anew_when_the_code_has_changed(tmp_path, monkeypatch):
    small = zoo.Entry(
        zoo.ZOO["alexnet"].build, Recipe(epochs=2, batch_size=32, optimizer="adam", lr=1e-3), 64
    )
    monkeypatch.setitem(zoo.ZOO, "alexnet", small)
    monkeypatch.setattr(tasks, "error", lambda model, count, times=1: float(count))

    def cut_off(row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    seen = set()
    for change, epochs in ((None, {1}), ("other", {0, 1})):
        with pytest.raises(KeyboardInterrupt):
            zoo.make("alexnet", tmp_path, tmp_path / "runs", cut_off)
        with monkeypatch.context() as patch:
            if change:
                patch.setattr(zoo.imports, "fingerprint", lambda names: change)  # noqa: B023
            zoo.make("alexnet", tmp_path, tmp_path / "runs", lambda row: seen.add(row["epoch"]))
        assert seen == epochs
        seen.clear()


def test_what_starts_from_other_weights_is_another_training(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    codes = []
    for weights in (None, b"one", b"two"):
        if weights:
            (tmp_path / "trunk.safetensors").write_bytes(weights)
        codes.append([zoo.code(name) for name in ("trunk", "yolo")])
    assert len({of_yolo for _, of_yolo in codes}) == 3
    assert len({of_trunk for of_trunk, _ in codes}) == 1


def test_the_code_of_a_training_is_that_of_all_that_trains():
    """Of the network, the data, the loop and the file of recipes itself."""
    trains = imports.closure([zoo.__name__])
    wanted = (
        "training.zoo",
        "training.loop",
        "training.recipe",
        "classification.vgg",
        "detection.ssd",
        "data.scenes",
    )
    assert {f"cnncourse.{name}" for name in wanted} <= trains


def test_what_others_start_from_is_trained_first():
    assert zoo.in_order(["yolo", "resnet", "trunk"]) == [["trunk"], ["yolo", "resnet"]]
    assert zoo.in_order(["yolo", "resnet"]) == [[], ["yolo", "resnet"]]  # the stored trunk will do
    with pytest.raises(ValueError, match="No trained network is called 'yolo9'"):
        zoo.in_order(["yolo9"])


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_stored_file_gives_its_figure(name):
    [(measure, value)] = zoo.entry(name).task.check(zoo.load(name)).items()
    assert value == pytest.approx(zoo.record(name)[measure], abs=0.41)  # two of 500 images


@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_stored_file_is_small_and_made_by_the_recipe_that_is_written_here(name):
    assert (zoo.FOLDER / f"{name}.safetensors").stat().st_size < 4e6
    assert asdict(zoo.ZOO[name].recipe).items() <= zoo.record(name)["recipe"].items()
    assert zoo.record(name)["images"] == zoo.ZOO[name].images


def test_an_unknown_name_is_named():
    with pytest.raises(ValueError, match="No trained network is called 'alexnit'; there are alexnet"):
        zoo.load("alexnit")


def test_weights_that_are_not_there_are_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    with pytest.raises(FileError, match="`cnncourse weights alexnet` does that"):
        zoo.load("alexnet")


def test_the_command_trains_what_is_named_and_says_how_long_it_takes(tmp_path, monkeypatch):
    trained = []

    def make(name, folder, runs):
        trained.append(name)
        return {"network": name, "test_error": 5.0, "seconds": 90.0, "start": None}

    monkeypatch.setattr(zoo, "make", make)
    arguments = ["weights", "--jobs", "1", "--runs", str(tmp_path)]
    run = CliRunner().invoke(app, [*arguments, "yolo", "trunk"])
    assert run.exit_code == 0, run.output
    assert trained == ["trunk", "yolo"]
    assert "trunk: test error 5.0 %, 1.5 min" in run.output
    # All of them were asked for, and cut off.
    runner.Sweep(tmp_path, "weights", list(zoo.ZOO), zoo.code).add("trunk")
    CliRunner().invoke(app, arguments)
    assert trained[2:] == [name for name in zoo.ZOO if name != "trunk"]
    assert not list(tmp_path.iterdir())
    assert CliRunner().invoke(app, [*arguments, "yolo9"]).exit_code == 2
