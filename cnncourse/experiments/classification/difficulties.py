"""What does each difficulty of recognition cost nearest neighbours, hand-made features and a network?

The three are trained on the same images and tested on test images that get harder in one way at a time; and on
drawings, and on a style of drawing, that training never saw.
"""

import numpy as np

from cnncourse.data import cifar10
from cnncourse.data.difficulties import TRANSFORMS
from cnncourse.experiments._short import error_of, hog_classifier, hog_features
from cnncourse.experiments.classification.learning_curve import METHODS, trained
from cnncourse.experiments.statistics import spread
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.training.data import LabelledImages
from cnncourse.visualize.figure import COLOURS, subplots

LECTURE = ("R3", "A6")
STRENGTHS = (0.5, 1.0)


def settings(scale: str) -> list[dict]:
    images, test, steps, depth = {"cpu": (8000, 500, 600, 8), "full": (50_000, 2000, 20_000, 20)}[scale]
    return [
        {"seed": seed, "method": method, "images": images, "test": test, "steps": steps, "depth": depth}
        for method in METHODS
        for seed in range(3)
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Errors in percent: ``plain``; ``NAME at STRENGTH``; ``unseen_...`` beside the same classes ``seen_...``."""
    images, labels = cifar10.load("train", None if data else 2 * setting["images"], data)
    chosen = np.random.default_rng(setting["seed"]).permutation(len(images))[: setting["images"]]
    error = _predictor(setting, images[chosen], labels[chosen], device)
    pictures, answers = cifar10.load("test", setting["test"], data)
    measures = {"plain": error(pictures, answers)}
    for name, transform in TRANSFORMS.items():
        for strength in STRENGTHS:
            harder = np.stack([transform(picture, strength, seed) for seed, picture in enumerate(pictures)])
            measures[f"{name} at {strength}"] = error(harder, answers)
    for split in ("unseen_drawings", "unseen_style") if data is None else ():
        unseen, classes = cifar10.load(split, setting["test"])
        comparable = np.isin(answers, classes)
        measures[split] = error(unseen, classes)
        measures[f"seen beside {split}"] = error(pictures[comparable], answers[comparable])
    return measures


def _predictor(setting: dict, images: np.ndarray, labels: np.ndarray, device: str):
    """A function from images and labels to the error in percent, of the method trained on these images."""
    if setting["method"] == "network":
        model = trained(
            LabelledImages(images, labels), setting["steps"], setting["depth"], setting["seed"], device
        )
        return lambda pictures, answers: error_of(model, LabelledImages(pictures, answers), device)
    if setting["method"] == "hog":
        machine = hog_classifier(images, labels, setting["seed"])
        predict = lambda pictures: machine.predict(hog_features(pictures))  # noqa: E731
    else:
        predict = KNeighborsClassifier(10).fit(images, labels).predict
    return lambda pictures, answers: round(100 * float((predict(pictures) != answers).mean()), 3)


def summary(rows: list[dict]) -> dict:
    """For each method the plain error, and what each difficulty adds to it, in percentage points."""
    found = {}
    for method in METHODS:
        mine = [row for row in rows if row["method"] == method]
        names = [name for name in mine[0] if " at " in name]
        found[method] = {"plain": spread([row["plain"] for row in mine])}
        found[method] |= {name: spread([row[name] - row["plain"] for row in mine]) for name in names}
        for split in ("unseen_drawings", "unseen_style"):
            if split in mine[0]:
                found[method][split] = spread([row[split] - row[f"seen beside {split}"] for row in mine])
    return found


def draw(result: dict):
    """What each difficulty adds to the error, the methods side by side."""
    names = [
        name for name in result["summary"]["network"] if name.endswith("1.0") or name.startswith("unseen")
    ]
    figure, ((axes,),) = subplots(size=(7, 4.8))
    for position, (method, label) in enumerate(METHODS.items()):
        values = [result["summary"][method][name] for name in names]
        places = np.arange(len(names)) + 0.27 * (position - 1)
        plain = result["summary"][method]["plain"]["mean"]
        bars = {
            "width": 0.25,
            "capsize": 2,
            "color": COLOURS[position],
            "label": f"{label} (plain: {plain:.0f} %)",
        }
        axes.bar(places, [v["mean"] for v in values], yerr=[v["std"] for v in values], **bars)
    labels = [name.removesuffix(" at 1.0").replace("_", " ") for name in names]
    axes.set_xticks(range(len(names)), labels, rotation=30, ha="right")
    axes.grid(False, axis="x")
    axes.set_ylabel("added error [percentage points]")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
