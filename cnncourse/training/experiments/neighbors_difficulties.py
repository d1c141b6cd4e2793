"""Every difficulty of recognition costs nearest neighbours accuracy, and unseen drawings cost most (lecture R3).

The difficulties are applied to the test images as they are (and as such they already have a little of each). Viewpoint
and variation inside a class are not transforms: drawings, or a drawing style, that training never saw stand for them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnncourse.data import cifar10, difficulties
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.training.experiments._images import drawn


@dataclass(frozen=True)
class Settings:
    train: int
    test: int
    strengths: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    n_neighbors: int = 10
    metric: str = "l1"


SEEDS = 3
SETTINGS = {"cpu": Settings(train=10_000, test=1_000), "full": Settings(train=50_000, test=2_000)}


def run(settings: Settings, seed: int, data, progress: Callable[[str], None]) -> dict:
    """Accuracies: ``difficulties[name][strength]``; and for each unseen split, ``[on seen, on unseen]``.

    The second compare like with like: the test images used are those of the classes that the unseen split has.
    """
    model = KNeighborsClassifier(settings.n_neighbors, settings.metric)
    model.fit(*drawn("train", settings.train, seed, data))
    images, labels = cifar10.load("test", settings.test, data)
    plain = model.score(images, labels)
    costs = {}
    for name, transform in difficulties.TRANSFORMS.items():
        progress(name)
        costs[name] = [
            model.score(_applied(transform, images, strength, seed), labels) if strength else plain
            for strength in settings.strengths
        ]
    result = {"strengths": list(settings.strengths), "difficulties": costs}
    if data is None:  # the real CIFAR-10 has no such splits
        for split in ("unseen_drawings", "unseen_style"):
            progress(split)
            result[split] = _seen_and_unseen(model, images, labels, split, settings.test)
    return result


def _applied(transform, images: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """The transform on every image, each with a seed of its own."""
    return np.stack([transform(image, strength, seed * len(images) + i) for i, image in enumerate(images)])


def _seen_and_unseen(model, images, labels, split: str, count: int) -> list[float]:
    unseen, unseen_labels = cifar10.load(split, count)
    comparable = np.isin(labels, unseen_labels)
    return [model.score(images[comparable], labels[comparable]), model.score(unseen, unseen_labels)]
