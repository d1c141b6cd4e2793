"""What do the 1x1 reductions of the inception module save, and what do they cost in accuracy?

A short GoogLeNet (modules 3a, 3b and 4a) with the naive modules and with the reduced ones: parameters,
multiply-accumulates, seconds an epoch, training and test error.
"""

import time

import torch

from cnncourse.classification import googlenet
from cnncourse.classification.googlenet import MODULES
from cnncourse.classification.profile import profile, total
from cnncourse.experiments._short import draw_pairs, error_of, fit, images_of
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training.recipe import Recipe

LECTURE = ("A9",)
KINDS = {"naive": False, "reduced": True}


def settings(scale: str) -> list[dict]:
    images, epochs, width, side = {"cpu": (4000, 10, 0.125, 16), "full": (50_000, 60, 0.5, 32)}[scale]
    return [
        {"seed": seed, "kind": kind, "images": images, "epochs": epochs, "width": width, "side": side}
        for seed in range(3)
        for kind in KINDS
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Cost and errors of one network."""
    side = setting["side"]
    torch.manual_seed(setting["seed"])
    modules = {name: MODULES[name] for name in ("3a", "3b", "4a")}
    model = googlenet(
        classes=10,
        width=setting["width"],
        modules=modules,
        stem="small",
        input_size=side,
        dropout=0.0,
        reduction=KINDS[setting["kind"]],
    )
    parameters, products = total(profile(model, side))
    recipe = Recipe(setting["epochs"], 64, 2e-3, "adam", schedule="cosine", seed=setting["seed"])
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    history = fit(model, images_of("train", setting["images"], side, data), recipe, device)
    seconds = (clock() - start) / setting["epochs"]
    test = images_of("test", None if setting["images"] == 50_000 else 2000, side, data)
    return {
        "parameters": parameters,
        "multiply_accumulates": products,
        "seconds_an_epoch": round(seconds, 2),
        "training_error": round(100 * history[-1]["error"], 3),
        "test_error": error_of(model, test, device),
    }


def summary(rows: list[dict]) -> dict:
    """Cost and errors of both kinds, how many times more the naive one costs, and the difference in error."""
    found = {}
    for kind in KINDS:
        mine = [row for row in rows if row["kind"] == kind]
        found[kind] = {name: mine[0][name] for name in ("parameters", "multiply_accumulates")}
        found[kind] |= {
            name: spread([row[name] for row in mine])
            for name in ("seconds_an_epoch", "training_error", "test_error")
        }
    for name in ("parameters", "multiply_accumulates"):
        found[f"times the {name}"] = round(found["naive"][name] / found["reduced"][name], 2)
    found["reduced minus naive"] = paired(rows, "kind", "test_error", "reduced", "naive")
    return found


def draw(result: dict):
    """Test error of each seed, the two kinds side by side."""
    return draw_pairs(result["runs"], "kind", list(KINDS), "test_error", "test error [%]")
