"""When does a network pass hand-made features and nearest neighbours, as the training data grow?

The same first images of the training set for a small ResNet, for a linear SVM on histograms of oriented gradients,
and for k nearest neighbours; each is tested on the same test images. The network takes the same number of steps
whatever the number of images.
"""

import math

import numpy as np
import torch

from cnncourse.classification import cifar_resnet
from cnncourse.experiments._short import error_of, fit, hog_classifier, hog_features, images_of
from cnncourse.experiments.statistics import spread
from cnncourse.neighbors import KNeighborsClassifier
from cnncourse.training.data import LabelledImages
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.curves import curves

LECTURE = ("A6",)
METHODS = {"network": "small ResNet", "hog": "HOG and linear SVM", "neighbours": "10 nearest neighbours (L1)"}


def settings(scale: str) -> list[dict]:
    sizes, steps, depth = {
        "cpu": ((250, 1000, 4000, 16_000), 400, 8),
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
    """Test error against the number of training images: a line of means, in a band from the least to the greatest."""
    counts = sorted({row["images"] for row in result["runs"]})
    lines = {
        label: np.array(
            [
                [
                    row["test_error"]
                    for count in counts
                    for row in result["runs"]
                    if (row["method"], row["images"], row["seed"]) == (method, count, seed)
                ]
                for seed in sorted({row["seed"] for row in result["runs"]})
            ]
        )
        for method, label in METHODS.items()
    }
    return curves(counts, lines, "training images", "test error [%]", logx=True)
