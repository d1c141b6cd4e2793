"""What does it save to take a step's regions from two images instead of from many, and does it cost accuracy?

Fast R-CNN learns from 128 regions a step. They come from 2 images, 64 of each; or from 32 images, 4 of each (the
fewest of which a quarter can hold an object), for as many steps; and from 2 images for as many passes over the
images as the other half of the time allows. Steps of 128 images, one region of each, are only timed. A region's
receptive field covers most of its image, so each image costs a whole pass of the trunk, however few regions it gives.
"""

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
from cnncourse.experiments.detection.line_of_descent import course_fast_rcnn
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, GREEN, ORANGE, subplots

LECTURE = ("D10",)
# images a step, passes over the images: with 512 images 256 steps each, and 2,048
KINDS = {"2 images": (2, 1), "32 images": (32, 16), "2 images, longer": (2, 8)}
TIMED = "128 images"


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {"images": 512, "test": 300, "proposals": 100, "width": None},
        "full": {"images": 5000, "test": None, "proposals": 2000, "width": 1.0},
    }[scale]
    runs = [
        {"kind": kind, "images_a_step": images, "epochs": epochs, "seed": seed, **sizes}
        for seed in range(3)
        for kind, (images, epochs) in KINDS.items()
    ]
    return [*runs, {"kind": TIMED, "images_a_step": 128, "epochs": 1, "seed": 0, **sizes}]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Steps a second, and mean average precision in percent (but for what is only timed)."""
    torch.manual_seed(setting["seed"])
    classifier = without_batch_norm(classifier_of(setting))
    model = fast_rcnn_vgg(classifier=classifier) if setting["width"] else course_fast_rcnn(classifier)
    train = proposed("train", setting["images"], data, setting["proposals"])
    batch, epochs = min(setting["images_a_step"], len(train)), setting["epochs"]
    recipe = Recipe(epochs, batch, 1e-3, "adam", schedule="cosine", seed=setting["seed"])
    seconds = fit(model, train, recipe, device)
    steps = epochs * (len(train) // batch)
    found = {
        "steps": steps,
        "steps_a_second": round(steps / seconds, 3),
    }
    if setting["kind"] == TIMED:
        return found
    test = proposed("test", setting["test"], data, setting["proposals"])
    return found | {"map": map_of(results_on(model, test), test, classes_of(setting))}


def summary(rows: list[dict]) -> dict:
    """Speed and accuracy of each kind; how many times faster two images are."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    speed = {kind: spread([row["steps_a_second"] for row in rows if row["kind"] == kind]) for kind in kinds}
    found = {kind: {"steps_a_second": speed[kind]} for kind in kinds}
    for kind in KINDS:
        found[kind]["map"] = spread([row["map"] for row in rows if row["kind"] == kind])
    scored = [row for row in rows if row["kind"] != TIMED]
    found["2 minus 32 images, as many steps"] = paired(scored, "kind", "map", "2 images", "32 images")
    found["2, longer, minus 32 images"] = paired(scored, "kind", "map", "2 images, longer", "32 images")
    found["times as fast"] = {
        kind: round(speed["2 images"]["mean"] / speed[kind]["mean"], 1) for kind in ("32 images", TIMED)
    }
    return found


def draw(result: dict):
    """Mean average precision of every run against the seconds that its training took."""
    figure, ((axes,),) = subplots(size=(6, 3.8))
    for (kind, (images, _)), colour in zip(KINDS.items(), (ORANGE, BLUE, GREEN), strict=True):
        mine = [row for row in result["runs"] if row["kind"] == kind]
        seconds = [row["steps"] / row["steps_a_second"] for row in mine]
        label = f"{images} images a step, {mine[0]['steps']:,} steps"
        axes.plot(seconds, [row["map"] for row in mine], "o", color=colour, label=label)
    axes.set(xlabel="seconds of training", ylabel="mAP [%]", xlim=(0, None), ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=1, frameon=False)
    return figure
