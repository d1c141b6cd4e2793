"""The experiments that train run at a tiny size on every path, and say what their runs say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from cnncourse.data import cifar10
from cnncourse.experiments import runner
from cnncourse.experiments.classification import augmentation, ensemble, relu, residual_learning

# Enough to run every line; nothing can be learnt from so little.
TINY = {
    "relu": {"images": 64, "epochs": 2},
    "small_filters": {"images": 64, "epochs": 1, "channels": 4},
    "inception": {"images": 64, "epochs": 1, "width": 0.05},
    "augmentation": {"images": 64, "epochs": 1, "width": 0.03},
    "ensemble": {"images": 64, "epochs": 1},
    "learning_curve": {"images": 100, "steps": 2},
    "difficulties": {"images": 100, "steps": 1, "test": 40},
    "residual_learning": {"epochs": 1, "width": 0.1},
}


@pytest.fixture(autouse=True)
def little_data(monkeypatch):
    """Noise in place of the data set: what is tested here is not what is learnt."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (120, 32, 32, 3), dtype=np.uint8)

    def load(split, count=None, data=None):
        return images[:count], (np.arange(120) % 10)[:count]

    monkeypatch.setattr(cifar10, "load", load)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", TINY)
def test_every_setting_runs_and_the_summary_and_the_figure_come_out(name):
    module = runner.experiment(name)
    settings = [{**setting, **TINY[name]} for setting in module.settings("cpu") if setting["seed"] < 2]
    if name == "residual_learning":
        settings = [{**setting, "depth": 14 if setting["depth"] > 8 else 8} for setting in settings]
        settings = [setting for setting in settings if setting["lr"] == 0.1]
    unique = list({runner._key(setting): setting for setting in settings}.values())
    rows = [{**setting, **module.run(setting)} for setting in unique]
    result = {"summary": module.summary(rows), "runs": rows}
    figure = module.draw(result)
    assert figure.axes
    assert not plt.fignum_exists(figure.number)  # a notebook would show it twice
    assert module.settings("full") != module.settings("cpu")


class Started(Exception):
    """A training begins: holds the network's weights."""


@pytest.mark.parametrize("name", ["relu", "augmentation"])
def test_what_is_compared_starts_from_the_same_weights_and_another_seed_from_others(name, monkeypatch):
    def begin(model, *_, **__):
        raise Started({key: value.clone() for key, value in model.state_dict().items()})

    module, of_seed = runner.experiment(name), {}
    monkeypatch.setattr(module, "fit", begin)
    for number, setting in enumerate(module.settings("cpu")):
        if setting["seed"] < 2:
            torch.manual_seed(1000 + number)  # what ran before must not matter
            with pytest.raises(Started) as started:
                module.run({**setting, **TINY[name]})
            of_seed.setdefault(setting["seed"], []).append(started.value.args[0])
    for same in of_seed.values():
        assert len(same) >= 5
        assert all(torch.equal(one[key], same[0][key]) for one in same for key in same[0])
    assert not all(torch.equal(of_seed[0][0][key], of_seed[1][0][key]) for key in of_seed[0][0])


def test_epochs_to_a_target_count_from_one_and_say_never():
    assert relu.epochs_to([0.9, 0.25, 0.3]) == 2
    assert relu.epochs_to([0.9, 0.8]) == 3


def test_the_best_learning_rate_of_each_network_counts():
    rows = [
        {"residual": residual, "depth": 8, "lr": lr, "seed": seed, "losses": [9.0, loss + seed]}
        for residual, lr, loss in [(True, 0.1, 1), (True, 0.3, 5), (False, 0.1, 4), (False, 0.3, 2)]
        for seed in range(2)
    ]
    found = residual_learning.summary(rows)
    assert (found["residual-8"]["lr"], found["plain-8"]["lr"]) == (0.1, 0.3)
    assert found["plain-8"]["loss"]["mean"] == 2.5


def test_an_ensembles_log_loss_never_exceeds_its_mean_members():
    """Jensen's inequality (A6), on random members."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (50,), generator=generator)
    members = [torch.randn(50, 10, generator=generator).softmax(1) for _ in range(5)]
    mean = sum(ensemble.scores_of(member, labels)["log_loss"] for member in members) / 5
    assert ensemble.scores_of(torch.stack(members).mean(0), labels)["log_loss"] < mean


def test_the_colour_augmentation_moves_all_pixels_of_an_image_alike():
    image = torch.randint(0, 256, (3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    values, directions = torch.tensor([0.2, 0.05, 0.01]), torch.eye(3)
    both = [
        augmentation.augmentation(kind, values, directions)(image, torch.Generator().manual_seed(2))
        for kind in ("crops, reflections", "crops, reflections, colour")
    ]
    shift = both[1] - both[0].float() / 255
    assert shift.shape == (3, augmentation.SIDE, augmentation.SIDE)
    assert shift.flatten(1).std(1).max() < 1e-6
    assert shift.abs().max() > 0.01
