"""The experiments on nearest neighbours: each runs when small, and the stored results say what the book says."""

import json
import types

import numpy as np
import pytest

from cnncourse import files
from cnncourse.data import difficulties, embedded
from cnncourse.experiments import runner
from cnncourse.experiments.neighbors import (
    neighbors_difficulties,
    neighbors_k,
    neighbors_size,
    neighbors_unseen,
)

RESULTS = files.root() / "book" / "results"
EXPERIMENTS = (neighbors_k, neighbors_difficulties, neighbors_unseen, neighbors_size)
SMALL = {"train_images": 200, "test_images": 40}


@pytest.fixture
def small(monkeypatch):
    """The first images of every split only, composed as they are asked for, and settings to go with them."""

    def load(split, count=None, data=None):
        return embedded.compose_range(split, 0, min(count or 200, 200))

    for module in EXPERIMENTS:
        monkeypatch.setattr(module, "cifar10", types.SimpleNamespace(load=load))
        settings = module.settings("cpu")
        cut = [setting | {key: SMALL[key] for key in SMALL if key in setting} for setting in settings]
        monkeypatch.setattr(module, "settings", lambda scale, cut=cut: cut)
    monkeypatch.setattr(neighbors_k, "KS", (1, 2, 5))
    monkeypatch.setattr(neighbors_size, "SIZES", (50, 200))


def name_of(module) -> str:
    return module.__name__.rpartition(".")[2]


def stored(module) -> dict:
    path = RESULTS / f"{name_of(module)}.json"
    if not path.exists():
        pytest.fail(f"{path} is missing: `cnncourse reproduce {name_of(module)}` writes it")
    return json.loads(path.read_text())


@pytest.mark.parametrize("module", EXPERIMENTS, ids=name_of)
def test_an_experiment_runs_small_and_draws_what_it_wrote(small, module, tmp_path):
    runner.reproduce(name_of(module), tmp_path, jobs=1)
    result = json.loads((tmp_path / f"{name_of(module)}.json").read_text())
    assert len({row["seed"] for row in result["runs"]}) == 3
    assert all(0 <= value <= 1 for row in result["runs"] for value in _accuracies(row))
    assert module.draw(result).axes[0].get_xlabel()


def _accuracies(row: dict) -> list[float]:
    names = ("accuracy", "validation", "test", "seen", "unseen", "unseen_drawings", "guessing")
    return [value for name in names if name in row for value in np.ravel(row[name])]


@pytest.mark.parametrize("module", EXPERIMENTS, ids=name_of)
def test_the_stored_result_is_of_these_settings_with_at_least_three_seeds(module):
    result = stored(module)
    told = [
        {key: row[key] for key in setting}
        for row, setting in zip(result["runs"], module.settings("cpu"), strict=True)
    ]
    assert told == module.settings("cpu")
    assert len({row["seed"] for row in result["runs"]}) >= 3
    assert result["data"] == "embedded"


def test_every_seed_draws_other_training_images(small):
    first, again, other = (neighbors_k.drawn("train", 50, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_no_image_is_drawn_twice(small):
    images, _ = neighbors_k.drawn("train", 200, seed=5)
    assert len(np.unique(images.reshape(200, -1), axis=0)) == 200


# What the chapters say in words


def test_every_difficulty_costs_accuracy_in_every_repetition_R3():
    summary = stored(neighbors_difficulties)["summary"]
    for name in difficulties.TRANSFORMS:
        assert summary[name]["loss"]["positive"] == summary[name]["loss"]["n"] == 3, name


def test_unseen_drawings_and_an_unseen_style_cost_accuracy_in_every_repetition_R3():
    summary = stored(neighbors_unseen)["summary"]
    for split in neighbors_unseen.SPLITS:
        assert summary[split]["loss"]["positive"] == summary[split]["loss"]["n"] == 3, split
        assert summary[split]["unseen"]["mean"] > summary[split]["guessing"]


def test_validation_chooses_several_neighbours_and_they_help_on_test_images_N6():
    summary = stored(neighbors_k)["summary"]
    assert min(summary["l1"]["chosen_k"]) > 1
    assert summary["l1"]["test_gain"]["positive"] == 3


def test_the_distance_matters_more_than_k_N6():
    summary = stored(neighbors_k)["summary"]
    assert summary["l1"]["validation"]["mean"] > summary["l2"]["validation"]["mean"]
    assert summary["l1"]["test"]["mean"] - summary["l2"]["test"]["mean"] > summary["l1"]["test_gain"]["mean"]


def test_two_neighbours_are_exactly_as_good_as_one_N6():
    one, two = neighbors_k.KS.index(1), neighbors_k.KS.index(2)
    for row in stored(neighbors_k)["runs"]:
        assert row["test"][one] == row["test"][two]
        assert all(fold[one] == fold[two] for fold in row["validation"])


def test_more_images_help_and_prediction_takes_longer_in_proportion_N6():
    summary = stored(neighbors_size)["summary"]
    accuracy = [one["mean"] for one in summary["accuracy"]]
    assert np.all(np.diff(accuracy) > 0)
    unseen = [one["mean"] for one in summary["unseen_drawings"]]
    assert unseen[-1] - unseen[0] < (accuracy[-1] - accuracy[0]) / 2
    sizes, ratios = summary["sizes"], [one["mean"] for one in summary["predict_ratio"]]
    # From the fourth size on, where what is done once for each call counts little.
    grown = (ratios[-1] / ratios[3]) / (sizes[-1] / sizes[3])
    assert 0.5 < grown < 2
    assert summary["fit_of_predict"]["mean"] < 0.05
