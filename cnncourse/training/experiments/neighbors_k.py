"""More than one neighbour helps, and validation says how many and in which distance (lecture N6).

For each seed another part of the training images is drawn. k and the distance are compared on validation folds of that
part, the test images only measure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnncourse.data import cifar10
from cnncourse.neighbors import KNeighborsClassifier, vote
from cnncourse.training.experiments._images import drawn


@dataclass(frozen=True)
class Settings:
    train: int  # images drawn from the training split
    test: int  # the first so many of the test split
    folds: int = 5
    ks: tuple[int, ...] = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
    metrics: tuple[str, ...] = ("l1", "l2")


SEEDS = 3
SETTINGS = {"cpu": Settings(train=10_000, test=2_000), "full": Settings(train=50_000, test=10_000)}


def run(settings: Settings, seed: int, data, progress: Callable[[str], None]) -> dict:
    """Accuracies: ``validation[metric][fold][k]`` and ``test[metric][k]``, k in the order of ``ks``."""
    images, labels = drawn("train", settings.train, seed, data)
    test_images, test_labels = cifar10.load("test", settings.test, data)
    validation, test = {}, {}
    for metric in settings.metrics:
        progress(f"{metric}: {settings.folds} validation folds")
        validation[metric] = _validate(images, labels, settings, metric)
        progress(f"{metric}: test images")
        test[metric] = accuracies(images, labels, test_images, test_labels, settings.ks, metric)
    return {"ks": list(settings.ks), "validation": validation, "test": test}


def _validate(images, labels, settings: Settings, metric: str) -> list[list[float]]:
    found = []
    for held_out in np.array_split(np.arange(len(images)), settings.folds):
        rest = np.delete(np.arange(len(images)), held_out)
        found.append(
            accuracies(images[rest], labels[rest], images[held_out], labels[held_out], settings.ks, metric)
        )
    return found


def accuracies(train, train_labels, images, labels, ks, metric: str) -> list[float]:
    """The accuracy for each k: the neighbours are sought once, for the largest."""
    _, indices = KNeighborsClassifier(max(ks), metric).fit(train, train_labels).kneighbors(images)
    neighbours = train_labels[indices]
    return [float((vote(neighbours[:, :k]) == labels).mean()) for k in ks]
