"""What do SSD's crops and colour distortion bring beside reflections alone?

Five paired short runs from each of two starts. From the trained trunk, on few scenes many times over; and from the
stored SSD, on 16 or on 64 scenes in a style that it has never seen, for as many steps. These are also tested on
scenes that differ from all of training's: with larger things, with smaller things, in another light. The paper's
figures are from before it also set images into larger canvases, so that part is left out here, too.
"""

import functools
from dataclasses import replace

import torch
from torchvision.transforms import v2

from cnncourse.data import difficulties
from cnncourse.data.box_augmentation import flip
from cnncourse.detection.ssd import SSD
from cnncourse.experiments._scenes import classes_of, classifier_of, fit, map_of, results_on, scenes_of
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training import zoo
from cnncourse.training.data import AnnotatedImages, open_scenes
from cnncourse.training.networks import SCENES, ssd
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, subplots

LECTURE = ("D16",)
SEEDS = 5
KINDS = ("reflections", "crops and colour too")
STARTS = {
    "trunk": "the trunk, 100 scenes",
    "trained-64": "trained SSD, 64 scenes\nof a new style",
    "trained-16": "trained SSD, 16 scenes\nof a new style",
}
# The longer side of things in 1/256 of the scene's; in training it is 64 to 160.
SIZES = {"nearer": (160, 256), "farther": (32, 64)}


def settings(scale: str) -> list[dict]:
    new_style = {"test": 200, "batch": 8, "lr": 3e-4, "width": None}
    sizes = {
        "cpu": {
            "trunk": {"images": 100, "test": 200, "epochs": 20, "batch": 8, "lr": 1e-3, "width": None},
            "trained-64": {"images": 64, "epochs": 25, **new_style},
            "trained-16": {"images": 16, "epochs": 100, **new_style},
        },
        "full": {
            "trunk": {"images": None, "test": None, "epochs": 230, "batch": 32, "lr": 1e-3, "width": 1.0}
        },
    }[scale]
    runs = [
        {"start": start, "kind": kind, "seed": seed, **size}
        for start, size in sizes.items()
        for seed in range(SEEDS)
        for kind in reversed(KINDS)  # the longer runs first
    ]
    untouched = {"start": "trained-16", "kind": "before", "seed": 0, **sizes["trunk"], "epochs": 0}
    return runs if scale == "full" else [*runs, untouched]


def augmentation(kind: str) -> v2.Transform:
    """Section 2.2, "Data augmentation", or its reflections alone."""
    if kind == "reflections":
        return flip()
    return v2.Compose([v2.RandomPhotometricDistort(), v2.RandomIoUCrop(), flip()])


@functools.lru_cache(1)
def _new_style_tests(count: int) -> dict[str, list]:
    """Scenes behind those that are trained on: as they are, and as training never shows them."""
    before = SEEDS * 64
    like = scenes_of("unseen_style", before + count)[before:]
    tests = {"like these": like}
    for name, sizes in SIZES.items():
        composed = open_scenes(None, "unseen_style", replace(SCENES, sizes=sizes), before + count, jobs=1)
        tests[name] = composed[before:]
    lit = [difficulties.illumination(image, 1.0, number) for number, (image, _) in enumerate(like)]
    tests["in another light"] = [
        (image, annotation) for image, (_, annotation) in zip(lit, like, strict=True)
    ]
    return tests


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Mean average precision in percent on each kind of test scenes, and the seconds of training."""
    torch.manual_seed(setting["seed"])
    seed, count = setting["seed"], setting["images"]
    if setting["start"] == "trunk":
        classifier = classifier_of(setting)
        model = (
            SSD(features=classifier.features, width=setting["width"]) if setting["width"] else ssd(classifier)
        )
        train = scenes_of("train", count, data)
        tests = {"like these": scenes_of("test", setting["test"], data)}
    else:
        model = zoo.load("ssd")
        # Other scenes for every seed: with so few, it matters which ones they are.
        train = scenes_of("unseen_style", SEEDS * count)[seed * count : (seed + 1) * count]
        tests = _new_style_tests(setting["test"])
    recipe = Recipe(setting["epochs"], setting["batch"], setting["lr"], "adam", schedule="cosine", seed=seed)
    images = AnnotatedImages(train, augmentation(setting["kind"]))
    seconds = fit(model, images, recipe, device) if recipe.epochs else 0.0
    found = {}
    for name, samples in tests.items():
        images = AnnotatedImages(samples)
        found[name] = map_of(results_on(model, images), images, classes_of(setting))
    return {"map": found, "training_seconds": round(seconds, 1)}


def summary(rows: list[dict]) -> dict:
    """Of each start and kind of test scenes: both augmentations, their difference paired by seed; the stored SSD."""
    found: dict[str, dict] = {}
    for start in dict.fromkeys(row["start"] for row in rows):
        mine = [row for row in rows if row["start"] == start and row["kind"] in KINDS]
        found[start] = {}
        for test in mine[0]["map"]:
            scores = [{**row, "map": row["map"][test]} for row in mine]
            found[start][test] = {
                kind: spread([row["map"] for row in scores if row["kind"] == kind]) for kind in KINDS
            }
            found[start][test]["difference"] = paired(scores, "kind", "map", KINDS[1], KINDS[0])
    untouched = [row["map"] for row in rows if row["kind"] == "before"]
    return found | ({"before": untouched[0]} if untouched else {})


def draw(result: dict):
    """The difference of every seed, a line for each start and kind of test scenes."""
    of = {(row["start"], row["seed"], row["kind"]): row["map"] for row in result["runs"]}
    starts = [start for start in STARTS if start in result["summary"]]
    lines = [(start, test) for start in starts for test in result["summary"][start]]
    figure, ((axes,),) = subplots(size=(7.2, 1.2 + 0.42 * len(lines)))
    for place, (start, test) in enumerate(lines):
        seeds = sorted({seed for one, seed, _ in of if one == start})
        more, plain = ([of[start, seed, kind][test] for seed in seeds] for kind in reversed(KINDS))
        differences = [a - b for a, b in zip(more, plain, strict=True)]
        axes.plot(differences, [place] * len(seeds), "o", color=BLUE, alpha=0.7)
        mean = sum(differences) / len(seeds)
        axes.plot([mean, mean], [place - 0.3, place + 0.3], color=BLUE, linewidth=3)
        if test == "like these":
            axes.axhline(place - 0.5, color="0.8", linewidth=1)
    axes.axvline(0, color="0.3", linewidth=1.5)
    labels = [f"{STARTS[start]}: {test}" if test == "like these" else test for start, test in lines]
    axes.set_yticks(range(len(lines)), labels)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.set(xlabel="points of mAP that crops and colour add")
    return figure
