"""Small networks for the book and the labs, and the recipes that train them.

Each is one of the course's networks at course size, trained on the embedded set by ``cnncourse weights NAME``. That
stores the weights in ``trained/`` (safetensors, float16) and beside them a JSON with the recipe and the test error
*of the stored file*.
"""

import functools
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from cnncourse.classification import alexnet, cifar_resnet, googlenet, vgg
from cnncourse.classification.googlenet import MODULES
from cnncourse.classification.layers import Conv
from cnncourse.training.checkpoints import TrainingError, load_weights, save_weights, write_json
from cnncourse.training.command import crops_and_reflections
from cnncourse.training.data import LabelledImages, open_images
from cnncourse.training.loop import Recipe, evaluate, train

FOLDER = Path(__file__).with_name("trained")


@dataclass(frozen=True)
class Entry:
    """A network and how it is trained: on the first ``images`` of the training set, with crops and reflections."""

    build: Callable[[], nn.Module]
    recipe: Recipe
    images: int = 20_000


SMALL = {"classes": 10, "input_size": 32}
ADAM = Recipe(epochs=12, batch_size=64, lr=2e-3, optimizer="adam", schedule="cosine", weight_decay=0.01)
ZOO = {
    # 7 x 7 filters in the first layer, large enough to look at.
    "alexnet": Entry(
        functools.partial(
            alexnet,
            width=0.25,
            stem=Conv(96, 7, stride=1, padding=3),
            hidden=(256, 256),
            dropout=0.2,
            **SMALL,
        ),
        ADAM,
    ),
    "vgg": Entry(
        functools.partial(
            vgg, [(16, 2), (32, 2), (64, 2)], hidden=(256,), dropout=0.2, batch_norm=True, **SMALL
        ),
        ADAM,
    ),
    "googlenet": Entry(
        functools.partial(
            googlenet,
            "torchvision",
            width=0.125,
            modules={name: MODULES[name] for name in ("3a", "3b", "4a", "4b")},
            stem="small",
            dropout=0.2,
            **SMALL,
        ),
        # Its many thin branches take four times as long an image as the others' layers do.
        replace(ADAM, epochs=8),
        images=10_000,
    ),
    "resnet": Entry(functools.partial(cifar_resnet, 20, width=0.5), ADAM),
}


def load(name: str) -> nn.Module:
    """The trained network ``name``, in evaluation mode; `LabelledImages` gives the batches it takes.

    Raises:
        ValueError: there is none of this name.
        TrainingError: its weights have not been stored yet.
    """
    model = entry(name).build()
    if not (FOLDER / f"{name}.safetensors").exists():
        raise TrainingError(f"{name} has not been trained here yet: `cnncourse weights {name}` does that.")
    load_weights(FOLDER / f"{name}.safetensors", model)
    return model.eval()


def figures(name: str) -> dict:
    """The recipe of a trained network and what the stored file reaches."""
    entry(name)
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_images(count: int | None = None) -> LabelledImages:
    """The first ``count`` test images, as the trained networks take them."""
    images, labels, _ = open_images(None, "test", 32, count)
    return LabelledImages(images, labels)


def make(name: str, folder: Path = FOLDER, progress: Callable[[dict], None] | None = None) -> dict:
    """Train the network anew and store it; returns what `figures` will say."""
    chosen = entry(name)
    torch.manual_seed(chosen.recipe.seed)
    model = chosen.build()
    images, labels, _ = open_images(None, "train", 32, chosen.images)
    train(model, LabelledImages(images, labels, crops_and_reflections), chosen.recipe, progress=progress)
    save_weights(folder / f"{name}.safetensors", model.state_dict(), torch.float16)
    load_weights(folder / f"{name}.safetensors", model)  # what is measured is what is stored
    found = {
        "network": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "images": chosen.images,
        "recipe": asdict(chosen.recipe) | {"augmentation": "crops and reflections"},
        "test_error": error(model, 10_000),
        "test_error_500": error(model, 500),
        "versions": {package: version(package) for package in ("cnncourse", "torch")},
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
    write_json(folder / f"{name}.json", found)
    return found


def error(model: nn.Module, count: int) -> float:
    """The error on the first ``count`` test images, in percent."""
    return round(100 * evaluate(model, test_images(count))["error"], 3)


def entry(name: str) -> Entry:
    """The network and recipe called ``name``."""
    if name not in ZOO:
        raise ValueError(f"No trained network is called {name!r}; there are {', '.join(ZOO)}.")
    return ZOO[name]
