"""What do SSD's crops and colour distortion bring beside reflections alone?

Five paired short runs from each of two starts. From the trained trunk, on few scenes many times over; and from the
stored SSD, on a handful of scenes in a style that it has never seen. The paper's figures are from before it also set
images into larger canvases, so that part is left out here, too.
"""

import torch
from torchvision.transforms import v2

from cnncourse.data.box_augmentation import flip
from cnncourse.detection.ssd import SSD
from cnncourse.training import zoo
from cnncourse.training.annotated import AnnotatedImages
from cnncourse.training.detectors import ssd
from cnncourse.training.experiments._scenes import classes_of, fit, map_of, results_on, scenes_of, trunk_of
from cnncourse.training.loop import Recipe
from cnncourse.training.reproduce import paired, spread
from cnncourse.visualize.figure import BLUE, subplots

LECTURE = ("D16",)
KINDS = ("reflections", "crops and colour too")
STARTS = {"trunk": "from the trunk", "trained": "a trained SSD meets a new style"}


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {
            "trunk": {"images": 100, "test": 200, "epochs": 20, "batch": 8, "lr": 1e-3, "width": None},
            "trained": {"images": 64, "test": 200, "epochs": 25, "batch": 8, "lr": 3e-4, "width": None},
        },
        "full": {
            "trunk": {"images": None, "test": None, "epochs": 230, "batch": 32, "lr": 1e-3, "width": 1.0}
        },
    }[scale]
    return [
        {"start": start, "kind": kind, "seed": seed, **size}
        for start, size in sizes.items()
        for seed in range(5)
        for kind in reversed(KINDS)  # the longer runs first
    ]


def augmentation(kind: str) -> v2.Transform:
    """Section 2.2, "Data augmentation", or its reflections alone."""
    if kind == "reflections":
        return flip()
    return v2.Compose([v2.RandomPhotometricDistort(), v2.RandomIoUCrop(), flip()])


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Mean average precision in percent, and the seconds of training."""
    torch.manual_seed(setting["seed"])
    count, transform = setting["images"], augmentation(setting["kind"])
    if setting["start"] == "trained":
        model = zoo.load("ssd")
        samples = scenes_of("unseen_style", count + setting["test"])
        train, test = AnnotatedImages(samples[:count], transform), AnnotatedImages(samples[count:])
    else:
        trunk = trunk_of(setting)
        model = SSD(features=trunk.features, width=setting["width"]) if setting["width"] else ssd(trunk)
        train = AnnotatedImages(scenes_of("train", count, data), transform)
        test = AnnotatedImages(scenes_of("test", setting["test"], data))
    recipe = Recipe(
        setting["epochs"], setting["batch"], setting["lr"], "adam", schedule="cosine", seed=setting["seed"]
    )
    seconds = fit(model, train, recipe, device)
    return {
        "map": map_of(results_on(model, test), test, classes_of(setting)),
        "training_seconds": round(seconds, 1),
    }


def summary(rows: list[dict]) -> dict:
    """Of each start: both kinds, and their difference paired by seed."""
    found = {}
    for start in dict.fromkeys(row["start"] for row in rows):
        mine = [row for row in rows if row["start"] == start]
        found[start] = {kind: spread([row["map"] for row in mine if row["kind"] == kind]) for kind in KINDS}
        found[start]["difference"] = paired(mine, "kind", "map", KINDS[1], KINDS[0])
    return found


def draw(result: dict):
    """Mean average precision of every seed, its two runs joined by a line."""
    starts = list(result["summary"])
    figure, (axes,) = subplots(1, len(starts), (4.2 * len(starts), 3.6), sharey=True)
    for ax, start in zip(axes, starts, strict=True):
        mine = {(row["seed"], row["kind"]): row["map"] for row in result["runs"] if row["start"] == start}
        for seed in sorted({seed for seed, _ in mine}):
            ax.plot((0, 1), [mine[seed, kind] for kind in KINDS], "o-", color=BLUE, alpha=0.6)
        ax.set_xticks((0, 1), [KINDS[0], KINDS[1].replace(" and", "\nand")])
        ax.set(title=STARTS[start], xlim=(-0.4, 1.4), ylim=(0, 100))
    axes[0].set(ylabel="mAP [%]")
    return figure
