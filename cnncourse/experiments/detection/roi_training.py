"""What does training the trunk through RoI pooling bring, beside a frozen trunk?

Fast R-CNN from the same trained trunk, on the same images and proposals, with the same seeds; once everything is
trained, once only what lies behind RoI pooling. Each learning rate is tried for both, and the better one counts: what
suits layers that start from nothing may be too much for a trunk that has learnt already.
"""

import numpy as np
import torch

from cnncourse.detection.fast_rcnn import fast_rcnn_vgg
from cnncourse.experiments._scenes import (
    classes_of,
    classifier_of,
    fit,
    map_of,
    proposed,
    results_on,
    without_batch_norm,
)
from cnncourse.experiments._short import draw_pairs
from cnncourse.experiments.detection.line_of_descent import course_fast_rcnn
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training.recipe import Recipe

LECTURE = ("D9b",)
TRUNKS = ("frozen", "trained")
RATES = (3e-4, 1e-3)


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {"images": 800, "test": 200, "proposals": 100, "epochs": 6, "batch": 4, "width": None},
        "full": {"images": None, "test": None, "proposals": 2000, "epochs": 8, "batch": 2, "width": 1.0},
    }[scale]
    return [
        {"trunk": trunk, "seed": seed, "lr": lr, **sizes}
        for seed in range(3)
        for trunk in TRUNKS
        for lr in (RATES if scale == "cpu" else RATES[:1])
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Mean average precision in percent, and the seconds of training."""
    torch.manual_seed(setting["seed"])
    classifier = without_batch_norm(classifier_of(setting))
    model = fast_rcnn_vgg(classifier=classifier) if setting["width"] else course_fast_rcnn(classifier)
    if setting["trunk"] == "frozen":
        model.trunk.requires_grad_(False)
    train = proposed("train", setting["images"], data, setting["proposals"])
    recipe = Recipe(
        setting["epochs"], setting["batch"], setting["lr"], "adam", schedule="cosine", seed=setting["seed"]
    )
    seconds = fit(model, train, recipe, device)
    test = proposed("test", setting["test"], data, setting["proposals"])
    found = map_of(results_on(model, test), test, classes_of(setting))
    return {"map": found, "training_seconds": round(seconds, 1)}


def best(rows: list[dict]) -> list[dict]:
    """The runs of both trunks with the learning rate whose mean accuracy is higher."""
    chosen = []
    for trunk in TRUNKS:
        of_rate: dict[float, list[dict]] = {}
        for row in rows:
            if row["trunk"] == trunk:
                of_rate.setdefault(row["lr"], []).append(row)
        chosen += max(of_rate.values(), key=lambda mine: np.mean([row["map"] for row in mine]))
    return chosen


def summary(rows: list[dict]) -> dict:
    """Of both at their best learning rates, and their difference paired by seed."""
    chosen, found = best(rows), {}
    for trunk in TRUNKS:
        mine = [row for row in chosen if row["trunk"] == trunk]
        found[trunk] = {name: spread([row[name] for row in mine]) for name in ("map", "training_seconds")}
        found[trunk]["lr"] = mine[0]["lr"]
    return found | {"trained minus frozen": paired(chosen, "trunk", "map", "trained", "frozen")}


def draw(result: dict):
    """Mean average precision of every seed."""
    return draw_pairs(best(result["runs"]), "trunk", list(TRUNKS), "map", "mAP [%]")
