"""More training images help, slowly; training stays free, and predicting takes time in proportion (lecture N6)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from cnncourse.data import cifar10
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.training.experiments._images import drawn


@dataclass(frozen=True)
class Settings:
    sizes: tuple[int, ...]
    test: int
    n_neighbors: int = 1
    metric: str = "l1"


SEEDS = 3
SETTINGS = {
    "cpu": Settings(sizes=(400, 1_600, 6_400, 12_800, 25_600, 50_000), test=1_000),
    "full": Settings(sizes=(400, 1_600, 6_400, 12_800, 25_600, 50_000), test=10_000),
}


def run(settings: Settings, seed: int, data, progress: Callable[[str], None]) -> dict:
    """For each size: ``accuracy`` on test images, ``unseen_drawings`` (embedded data only), and seconds.

    ``fit_seconds`` is training; ``predict_seconds`` is predicting all test images, the least of three times.
    """
    images, labels = drawn("train", max(settings.sizes), seed, data)
    test = cifar10.load("test", settings.test, data)
    unseen = cifar10.load("unseen_drawings", min(settings.test, 2_000)) if data is None else None
    result = {"sizes": list(settings.sizes), "accuracy": [], "fit_seconds": [], "predict_seconds": []}
    result |= {"unseen_drawings": []} if unseen else {}
    KNeighborsClassifier().fit(images[:100], labels[:100]).predict(
        test[0]
    )  # compiles, if anything needs to be
    for size in settings.sizes:
        progress(f"{size:,} training images")
        model = KNeighborsClassifier(settings.n_neighbors, settings.metric)
        result["fit_seconds"].append(_seconds(lambda: model.fit(images[:size], labels[:size])))  # noqa: B023
        result["predict_seconds"].append(_seconds(lambda: model.predict(test[0])))  # noqa: B023
        result["accuracy"].append(model.score(*test))
        if unseen:
            result["unseen_drawings"].append(model.score(*unseen))
    return result


def _seconds(work: Callable) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
