"""What does each difficulty of recognition cost nearest neighbours?

The training images stay as they are; the difficulty is applied to the test images, which have a little of each already.
Viewpoint and variation inside a class are no transforms: see ``neighbors_unseen``.
"""

import numpy as np

from cnncourse.data import cifar10, difficulties
from cnncourse.experiments.neighbors.neighbors_k import drawn
from cnncourse.experiments.statistics import spread
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.visualize import curves

LECTURE = ("R3", "N5")
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
K, METRIC = 10, "l1"


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {"train_images": 10_000, "test_images": 1_000},
        "full": {"train_images": 50_000, "test_images": 10_000},
    }[scale]
    return [
        {"seed": seed, "difficulty": name, **sizes} for seed in range(3) for name in difficulties.TRANSFORMS
    ]


def run(setting: dict, data: str | None, device: str) -> dict:
    """``accuracy`` at each of ``STRENGTHS``."""
    model = KNeighborsClassifier(K, METRIC).fit(
        *drawn("train", setting["train_images"], setting["seed"], data)
    )
    images, labels = cifar10.load("test", setting["test_images"], data)
    transform = difficulties.TRANSFORMS[setting["difficulty"]]
    found = []
    for strength in STRENGTHS:
        # Every image, and every repetition, has its own direction, place and colour.
        seeds = range(setting["seed"] * len(images), (setting["seed"] + 1) * len(images))
        harder = np.stack([transform(image, strength, s) for image, s in zip(images, seeds, strict=True)])
        found.append(model.score(harder, labels))
    return {"accuracy": found}


def summary(rows: list[dict]) -> dict:
    """For each difficulty the accuracy at each strength, and the loss from none to the strongest, paired by seed."""
    found = {"strengths": STRENGTHS, "k": K, "metric": METRIC}
    for name in dict.fromkeys(row["difficulty"] for row in rows):
        mine = [row for row in rows if row["difficulty"] == name]
        accuracy = np.array([row["accuracy"] for row in mine])  # [seeds, strengths]
        loss = accuracy[:, 0] - accuracy[:, -1]
        found[name] = {
            "accuracy": [spread(column) for column in accuracy.T],
            "loss": {**spread(loss), "positive": int((loss > 0).sum())},
        }
    return found


def draw(result: dict):
    """Accuracy against strength, a line for each difficulty."""
    series = {
        name: np.array([row["accuracy"] for row in result["runs"] if row["difficulty"] == name])
        for name in difficulties.TRANSFORMS
    }
    return curves(STRENGTHS, series, "strength of the difficulty", "accuracy", chance=0.1, size=(5.5, 5))
