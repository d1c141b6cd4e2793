"""When does a network pass hand-made features and nearest neighbours, as the training data grow?

The same first images of the training set for a small ResNet, for a linear SVM on histograms of oriented gradients,
and for k nearest neighbours; each is tested on the same test images. The network takes the same number of steps
whatever the number of images.
"""

import math

import numpy as np
import torch

from cnncourse.classification import cifar_resnet
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.training.data import LabelledImages
from cnncourse.training.experiments._short import error_of, fit, hog_classifier, hog_features, images_of
from cnncourse.training.loop import Recipe
from cnncourse.training.reproduce import spread
from cnncourse.visualize.figure import subplots

LECTURE = ("A6",)
METHODS = {"network": "small ResNet", "hog": "HOG and linear SVM", "neighbours": "10 nearest neighbours (L1)"}


def settings(scale: str) -> list[dict]:
    sizes, steps, depth = {
        "cpu": ((250, 1000, 4000, 16_000), 800, 8),
        "full": ((250, 1000, 4000, 16_000, 50_000), 20_000, 20),
    }[scale]
    return [
        {"seed": seed, "method": method, "images": count, "steps": steps, "depth": depth}
        for method in METHODS
        for count in reversed(sizes)
        for seed in range(3)
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The test error in percent."""
    images = images_of("train", None, 32, data) if data else images_of("train", 20_000, 32)
    chosen = np.random.default_rng(setting["seed"]).permutation(len(images))[: setting["images"]]
    train = LabelledImages(images.images[chosen], images.labels[chosen])
    test = images_of("test", 2000, 32, data)
    return {"test_error": _error(setting, train, test, device)}


def _error(setting: dict, train: LabelledImages, test: LabelledImages, device: str) -> float:
    if setting["method"] == "network":
        return error_of(
            trained(train, setting["steps"], setting["depth"], setting["seed"], device), test, device
        )
    if setting["method"] == "hog":
        predicted = hog_classifier(train.images, train.labels, setting["seed"]).predict(
            hog_features(test.images)
        )
    else:
        predicted = KNeighborsClassifier(10).fit(train.images, train.labels).predict(test.images)
    return round(100 * float((predicted != test.labels).mean()), 3)


def trained(data: LabelledImages, steps: int, depth: int, seed: int, device: str) -> torch.nn.Module:
    """A small ResNet after about so many steps of 64 images."""
    torch.manual_seed(seed)
    model = cifar_resnet(depth)
    epochs = math.ceil(steps / (len(data) // 64))
    fit(model, data, Recipe(epochs, 64, 0.1, schedule="cosine", weight_decay=5e-4, seed=seed), device)
    return model


def summary(rows: list[dict]) -> dict:
    """The error of each method at each number of images."""
    found = {}
    for method in METHODS:
        found[method] = {
            str(count): spread(
                [row["test_error"] for row in rows if (row["method"], row["images"]) == (method, count)]
            )
            for count in sorted({row["images"] for row in rows})
        }
    return found


def draw(result: dict):
    """Test error against the number of training images."""
    figure, ((axes,),) = subplots(size=(6.4, 4))
    for (method, label), marker in zip(METHODS.items(), "os^", strict=True):
        points = result["summary"][method]
        counts = sorted(map(int, points))
        means, stds = ([points[str(count)][name] for count in counts] for name in ("mean", "std"))
        axes.errorbar(counts, means, stds, marker=marker, capsize=3, label=label)
    axes.set(xscale="log", xlabel="training images", ylabel="test error [%]", ylim=(0, 100))
    axes.legend()
    return figure
