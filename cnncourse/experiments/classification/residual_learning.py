"""Do deeper plain networks train worse, and residual ones not?

The same small networks as in section 4.2 of the paper, plain and residual, shallow and deep, batch normalisation in
all of them. Each learning rate is tried for each network; the best by the mean of the last training losses is what
counts, so that no network loses by a setting that does not suit it. Only the *training* loss is looked at: the claim
is about optimisation, not about overfitting.
"""

import numpy as np
import torch

from cnncourse.classification import cifar_resnet
from cnncourse.experiments._short import fit, images_of
from cnncourse.experiments.statistics import spread
from cnncourse.training.data import LabelledImages
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, VERMILLION, subplots

LECTURE = ("A10",)
RATES = (0.01, 0.03, 0.1)


def settings(scale: str) -> list[dict]:
    depths, epochs, rates, width = {
        "cpu": ((8, 56), 10, RATES, 0.5),
        "full": ((20, 56, 110), 164, (0.1,), 1.0),
    }[scale]
    return [
        {"seed": seed, "depth": depth, "residual": residual, "lr": lr, "epochs": epochs, "width": width}
        for depth in reversed(depths)  # the longest runs first
        for residual in (True, False)
        for lr in rates
        for seed in range(3)
    ]


def digits() -> LabelledImages:
    """scikit-learn's 1,797 handwritten digits, 8 x 8 enlarged to 16 x 16: small, real, and learnt to the last."""
    from sklearn.datasets import load_digits

    images = (load_digits().images * 255 / 16).astype(np.uint8)
    images = images.repeat(2, axis=1).repeat(2, axis=2)[..., None].repeat(3, axis=3)
    return LabelledImages(images, load_digits().target)


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The training loss after each epoch."""
    images = digits() if setting["width"] < 1 else images_of("train", None, 32, data)
    torch.manual_seed(setting["seed"])
    model = cifar_resnet(setting["depth"], setting["width"], residual=setting["residual"])
    recipe = Recipe(setting["epochs"], 64, setting["lr"], schedule="cosine", seed=setting["seed"])
    return {"losses": [round(row["loss"], 5) for row in fit(model, images, recipe, device)]}


def summary(rows: list[dict]) -> dict:
    """For each network the best learning rate and the loss of the last epoch with it."""
    found = {}
    for kind in sorted({(row["residual"], row["depth"]) for row in rows}):
        of_rate = {}
        for row in rows:
            if (row["residual"], row["depth"]) == kind:
                of_rate.setdefault(row["lr"], []).append(row["losses"][-1])
        best = min(of_rate, key=lambda lr: np.mean(of_rate[lr]))
        name = f"{'residual' if kind[0] else 'plain'}-{kind[1]}"
        found[name] = {"lr": best, "loss": spread(of_rate[best])}
    return found


def draw(result: dict):
    """Training loss by epoch at each network's best learning rate; one thin line a seed."""
    figure, ((axes,),) = subplots(size=(6.4, 4))
    depths = sorted({row["depth"] for row in result["runs"]})
    for row in result["runs"]:
        name = f"{'residual' if row['residual'] else 'plain'}-{row['depth']}"
        if row["lr"] == result["summary"][name]["lr"]:
            axes.plot(
                range(1, 1 + len(row["losses"])),
                row["losses"],
                color=BLUE if row["residual"] else VERMILLION,
                linestyle="-" if row["depth"] == depths[-1] else "--",
                linewidth=1.4,
                label=name if row["seed"] == 0 else None,
            )
    axes.set(xlabel="epoch", ylabel="training loss", yscale="log")
    figure.legend(loc="outside upper center", ncols=2, frameon=False, handlelength=3.2)
    return figure
