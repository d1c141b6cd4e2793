"""Do nearest neighbours know the class of a drawing, or of a style, that training never saw?

Stands for viewpoint and for variation inside a class. Like is compared with like: test images of the same classes, made
of drawings and styles that training knows.
"""

import numpy as np

from cnncourse.data import cifar10
from cnncourse.experiments.neighbors.neighbors_k import drawn
from cnncourse.experiments.statistics import spread
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.visualize import bars

LECTURE = ("R3",)
SPLITS = ("unseen_drawings", "unseen_style")
K, METRIC = 10, "l1"


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {"train_images": 10_000, "test_images": 2_000},
        "full": {"train_images": 50_000, "test_images": 2_000},
    }[scale]
    return [{"seed": seed, "split": split, **sizes} for seed in range(3) for split in SPLITS]


def run(setting: dict, data: str | None, device: str) -> dict:
    """Accuracies on ``seen`` and ``unseen``, and ``guessing``: what answering the most frequent class reaches.

    Raises:
        ValueError: real data, in which nothing is unseen.
    """
    if data is not None:
        raise ValueError("The real data set has no unseen drawings or styles: leave --data out.")
    model = KNeighborsClassifier(K, METRIC).fit(*drawn("train", setting["train_images"], setting["seed"]))
    images, labels = cifar10.load("test", setting["test_images"])
    unseen, unseen_labels = cifar10.load(setting["split"], setting["test_images"])
    comparable = np.isin(labels, unseen_labels)
    return {
        "classes": len(np.unique(unseen_labels)),
        "guessing": float(np.bincount(unseen_labels).max() / len(unseen_labels)),
        "seen": model.score(images[comparable], labels[comparable]),
        "unseen": model.score(unseen, unseen_labels),
    }


def summary(rows: list[dict]) -> dict:
    """For each split the accuracies and the loss, paired by seed."""
    found = {"k": K, "metric": METRIC}
    for split in SPLITS:
        of = [row for row in rows if row["split"] == split]
        losses = [row["seen"] - row["unseen"] for row in of]
        found[split] = {
            "classes": of[0]["classes"],
            "guessing": of[0]["guessing"],
            "seen": spread([row["seen"] for row in of]),
            "unseen": spread([row["unseen"] for row in of]),
            "loss": {**spread(losses), "positive": sum(loss > 0 for loss in losses)},
        }
    return found


def draw(result: dict):
    """Accuracy on what training knows and on what it does not."""
    values = {}
    for split in SPLITS:
        of = [row for row in result["runs"] if row["split"] == split]
        values[f"seen ({of[0]['classes']} classes)"] = [row["seen"] for row in of]
        values[split.replace("_", " ")] = [row["unseen"] for row in of]
    return bars(values, "accuracy")
