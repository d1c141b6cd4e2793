"""Does a network with ReLU reach a training error sooner than the same network with tanh?

AlexNet at course size, without dropout and without augmentation, as in figure 1 of the paper. Each activation gets
each learning rate; the best by mean counts. Weights start by He et al.'s initialisation, which neither the paper nor
its time had: with the paper's own (deviation 0.01) networks as narrow as these learn nothing at all.
"""

import numpy as np
import torch
from torch import nn

from cnncourse.classification import alexnet
from cnncourse.classification.layers import Conv
from cnncourse.experiments._short import fit, images_of
from cnncourse.experiments.statistics import spread
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, VERMILLION, subplots

LECTURE = ("A3",)
TARGET = 0.25  # the training error that figure 1 of the paper measures the time to
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


def settings(scale: str) -> list[dict]:
    images, epochs, width = {"cpu": (3000, 24, 0.125), "full": (50_000, 60, 0.5)}[scale]
    return [
        {"seed": seed, "activation": name, "lr": lr, "images": images, "epochs": epochs, "width": width}
        for seed in range(3)
        for name in ACTIVATIONS
        for lr in (0.003, 0.01, 0.03)
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The training error, measured anew after each epoch's steps as their mean."""
    images = images_of("train", setting["images"], 32, data)
    torch.manual_seed(setting["seed"])
    stem = Conv(96, 5, stride=2, padding=2)
    model = alexnet(
        width=setting["width"],
        stem=stem,
        input_size=32,
        classes=10,
        dropout=0.0,
        activation=ACTIVATIONS[setting["activation"]],
    )
    recipe = Recipe(setting["epochs"], 64, setting["lr"], seed=setting["seed"])
    errors = [row["error"] for row in fit(model, images, recipe, device)]
    return {"errors": [round(error, 4) for error in errors]}


def epochs_to(errors: list[float], target: float = TARGET) -> int:
    """After how many epochs the error is at most ``target``; one more than there were if it never is."""
    return next((epoch for epoch, error in enumerate(errors, 1) if error <= target), len(errors) + 1)


def summary(rows: list[dict]) -> dict:
    """For each activation the best learning rate and the epochs to the target with it; and how many times more."""
    found = {}
    for name in ACTIVATIONS:
        of_rate = {}
        for row in rows:
            if row["activation"] == name:
                of_rate.setdefault(row["lr"], []).append(epochs_to(row["errors"]))
        best = min(of_rate, key=lambda lr: np.mean(of_rate[lr]))
        found[name] = {"lr": best, "epochs": spread(of_rate[best])}
    found["times"] = round(found["tanh"]["epochs"]["mean"] / found["relu"]["epochs"]["mean"], 2)
    found["target"] = TARGET
    found["limit"] = len(rows[0]["errors"])
    return found


def draw(result: dict):
    """Training error by epoch at each activation's best learning rate; rings where a mean reaches the target."""
    figure, ((axes,),) = subplots(size=(6, 4))
    looks = {"relu": ("ReLU", BLUE, "-"), "tanh": ("tanh", VERMILLION, "--")}
    for row in result["runs"]:
        name = row["activation"]
        if row["lr"] == result["summary"][name]["lr"]:
            label, colour, dashes = looks[name]
            epochs = range(1, 1 + len(row["errors"]))
            label = label if row["seed"] == 0 else None
            axes.plot(epochs, row["errors"], dashes, color=colour, label=label, linewidth=1.5)
    for name, (_, colour, _) in looks.items():
        if (reached := result["summary"][name]["epochs"]["mean"]) <= result["summary"]["limit"]:
            axes.plot(reached, TARGET, "o", color=colour, ms=9, mfc="none", mew=2)
    axes.axhline(TARGET, color="#555555", linewidth=1, linestyle=":")
    axes.annotate(f"{100 * TARGET:.0f} %", (0.5, TARGET), va="bottom", color="#555555")
    axes.set(xlabel="epoch", ylabel="training error", ylim=(0, 1), xlim=(0, None))
    figure.legend(loc="outside upper center", ncols=2, frameon=False, handlelength=3)
    return figure
