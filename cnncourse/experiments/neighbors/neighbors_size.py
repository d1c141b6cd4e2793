"""What do more training images bring nearest neighbours, and what do they cost?

Times are the processor's, the least of three, of the compiled kernel where numba is there; only their ratios mean
anything elsewhere.
"""

import time
from collections.abc import Callable

import numpy as np

from cnncourse.data import cifar10
from cnncourse.experiments.neighbors.neighbors_k import drawn
from cnncourse.experiments.statistics import spread
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.visualize import curves

LECTURE = ("N6",)
SIZES = (400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 50_000)
METRIC = "l1"


def settings(scale: str) -> list[dict]:
    return [{"seed": seed, "test_images": {"cpu": 1_000, "full": 10_000}[scale]} for seed in range(3)]


def run(setting: dict, data: str | None, device: str) -> dict:
    """For each of ``SIZES``: ``accuracy`` on test images, seconds for ``fit`` and for ``predict`` of them all.

    On the embedded data also ``unseen_drawings``: the accuracy on those.
    """
    images, labels = drawn("train", max(SIZES), setting["seed"], data)
    test, test_labels = cifar10.load("test", setting["test_images"], data)
    unseen = cifar10.load("unseen_drawings", 1_000) if data is None else None
    KNeighborsClassifier(1, METRIC).fit(images[:100], labels[:100]).predict(test)  # compiles what is compiled
    found = {"accuracy": [], "fit": [], "predict": []} | ({"unseen_drawings": []} if unseen else {})
    for size in SIZES:
        model = KNeighborsClassifier(1, METRIC)
        found["fit"].append(_seconds(lambda: model.fit(images[:size], labels[:size])))  # noqa: B023
        found["predict"].append(_seconds(lambda: model.predict(test)))  # noqa: B023
        found["accuracy"].append(model.score(test, test_labels))
        if unseen:
            found["unseen_drawings"].append(model.score(*unseen))
    return found


def summary(rows: list[dict]) -> dict:
    """Accuracy at each size; the time to predict, relative to the smallest size; and training against predicting."""
    accuracy = np.array([row["accuracy"] for row in rows])  # [seeds, sizes]
    predict = np.array([row["predict"] for row in rows])
    fit = np.array([row["fit"] for row in rows])
    unseen = [row["unseen_drawings"] for row in rows if "unseen_drawings" in row]
    return {
        "sizes": SIZES,
        "unseen_drawings": [spread(column) for column in np.array(unseen).T],
        "accuracy": [spread(column) for column in accuracy.T],
        "predict_ratio": [spread(column) for column in (predict / predict[:, :1]).T],
        "fit_of_predict": spread(fit[:, -1] / predict[:, -1]),
    }


def _seconds(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def draw(result: dict):
    """Accuracy against the number of training images."""
    series = {"test": np.array([row["accuracy"] for row in result["runs"]])}
    if result["summary"]["unseen_drawings"]:
        series["unseen drawings"] = np.array([row["unseen_drawings"] for row in result["runs"]])
    return curves(SIZES, series, "training images", "accuracy", logx=True, ticks=SIZES[::2], chance=0.1)
