"""Small networks are trained and stored with the figure of the stored file."""

from dataclasses import asdict

import pytest
import torch

from cnncourse.training import zoo
from cnncourse.training.checkpoints import TrainingError, load_weights
from cnncourse.training.loop import Recipe


def test_making_a_network_stores_it_with_its_figure(tmp_path, monkeypatch):
    small = zoo.Entry(
        zoo.ZOO["alexnet"].build, Recipe(epochs=1, batch_size=32, optimizer="adam", lr=1e-3), 64
    )
    monkeypatch.setitem(zoo.ZOO, "alexnet", small)
    monkeypatch.setattr(zoo, "error", lambda model, count: float(count))
    found = zoo.make("alexnet", tmp_path)
    assert found["test_error"] == 10_000
    assert found["recipe"]["epochs"] == 1
    model = small.build()
    load_weights(tmp_path / "alexnet.safetensors", model)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


@pytest.mark.parametrize("name", zoo.ZOO)
def test_the_stored_file_gives_its_figure(name):
    assert zoo.error(zoo.load(name), 500) == pytest.approx(
        zoo.figures(name)["test_error_500"], abs=0.41
    )  # two images


@pytest.mark.parametrize("name", zoo.ZOO)
def test_a_stored_file_is_small_and_made_by_the_recipe_that_is_written_here(name):
    assert (zoo.FOLDER / f"{name}.safetensors").stat().st_size < 4e6
    assert asdict(zoo.ZOO[name].recipe).items() <= zoo.figures(name)["recipe"].items()
    assert zoo.figures(name)["images"] == zoo.ZOO[name].images


def test_an_unknown_name_is_named():
    with pytest.raises(ValueError, match="No trained network is called 'alexnit'; there are alexnet"):
        zoo.load("alexnit")


def test_weights_that_are_not_there_are_said_to_be_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    with pytest.raises(TrainingError, match="`cnncourse weights alexnet` does that"):
        zoo.load("alexnet")
