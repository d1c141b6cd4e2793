"""How many neighbours, and in which distance? Validation says it, without the test images.

k and the distance are compared on folds held out from the training images; the test images only measure. Every seed
draws other training images.
"""

from collections.abc import Sequence

import numpy as np

from cnncourse.data import cifar10
from cnncourse.experiments.statistics import spread
from cnncourse.neighbors import KNeighborsClassifier, vote
from cnncourse.visualize import curves

LECTURE = ("N6",)
KS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
METRICS = ("l1", "l2")
FOLDS = 5


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {"train_images": 10_000, "test_images": 2_000},
        "full": {"train_images": 50_000, "test_images": 10_000},
    }[scale]
    return [{"seed": seed, "metric": metric, **sizes} for seed in range(3) for metric in METRICS]


def run(setting: dict, data: str | None, device: str) -> dict:
    """Accuracies in the order of ``KS``: ``validation`` [FOLDS][K] and ``test`` [K]."""
    images, labels = drawn("train", setting["train_images"], setting["seed"], data)
    validation = []
    for held_out in np.array_split(np.arange(len(images)), FOLDS):
        rest = np.delete(np.arange(len(images)), held_out)
        parts = [(images[part], labels[part]) for part in (rest, held_out)]
        validation.append(accuracies(*parts, KS, setting["metric"]))
    test = accuracies(
        (images, labels), cifar10.load("test", setting["test_images"], data), KS, setting["metric"]
    )
    return {"validation": validation, "test": test}


def summary(rows: list[dict]) -> dict:
    """For each distance the k that validation chooses for each seed, and what it and k = 1 reach on test images."""
    found = {"ks": KS}
    for metric in METRICS:
        of = [row for row in rows if row["metric"] == metric]
        validation = np.array([row["validation"] for row in of])  # [seeds, folds, K]
        test = np.array([row["test"] for row in of])  # [seeds, K]
        chosen = validation.mean(1).argmax(1)
        at_chosen = test[np.arange(len(of)), chosen]
        found[metric] = {
            "chosen_k": [KS[i] for i in chosen],
            "validation": spread(validation.mean(1).max(1)),
            "validation_k1": spread(validation.mean(1)[:, 0]),
            "test": spread(at_chosen),
            "test_k1": spread(test[:, 0]),
            "test_gain": {
                **spread(at_chosen - test[:, 0]),
                "positive": int((at_chosen > test[:, 0]).sum()),
            },
        }
    return found


def drawn(split: str, count: int, seed: int, data: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """`count` different images of a split in random order: uint8 [count, 32, 32, 3], labels int64 [count]."""
    images, labels = cifar10.load(split, data=data)
    chosen = np.random.default_rng(seed).permutation(len(images))[:count]
    return images[chosen], labels[chosen]


def accuracies(train: tuple, test: tuple, ks: Sequence[int], metric: str) -> list[float]:
    """The accuracy for each k, [K], from (images, labels) of training and test; the neighbours are sought once."""
    (images, labels), (train_images, train_labels) = test, train
    _, indices = KNeighborsClassifier(max(ks), metric).fit(train_images, train_labels).kneighbors(images)
    neighbors = train_labels[indices]
    return [float((vote(neighbors[:, :k]) == labels).mean()) for k in ks]


def draw(result: dict):
    """Accuracy against k, on validation folds and on test images, for both distances."""
    series = {}
    for part, name in (("validation", "validation"), ("test", "test")):
        for metric in METRICS:
            of = [row[part] for row in result["runs"] if row["metric"] == metric]
            series[f"{name}, {metric.upper()}"] = np.array(of).reshape(-1, len(KS))
    return curves(KS, series, "k, the number of neighbours", "accuracy", logx=True)
