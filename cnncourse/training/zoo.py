"""Small networks for the book and the labs, and the recipes that train them.

Each is one of the course's networks at course size, trained on the embedded data by ``cnncourse weights NAME``. That
stores the weights in ``trained/`` (safetensors, float16) and beside them a record, a JSON with the recipe and the test
error, or a detector's mean average precision, *of the stored file*.
"""

import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from cnncourse import imports
from cnncourse.classification import alexnet, cifar_resnet, googlenet, vgg
from cnncourse.classification.googlenet import MODULES
from cnncourse.classification.layers import Conv
from cnncourse.files import FileError, write_json
from cnncourse.training import networks
from cnncourse.training.checkpoints import load_weights, save_weights
from cnncourse.training.data import LabelledImages
from cnncourse.training.loop import train
from cnncourse.training.recipe import Recipe
from cnncourse.training.tasks import CLASSIFICATION, DETECTION, SEGMENTATION, Task, classification, labelled

FOLDER = Path(__file__).with_name("trained")
_NOT_STORED = "{0} has not been trained here yet: `cnncourse weights {0}` does that."


@dataclass(frozen=True)
class Entry:
    """A network and how it is trained: on the first ``images`` of the training set.

    Args:
        start: the trained classifier that ``build`` takes; None builds from nothing.
    """

    build: Callable[..., nn.Module]
    recipe: Recipe
    images: int = 20_000
    task: Task = CLASSIFICATION
    start: str | None = None


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
    # What detection and segmentation start from; on images of 64 pixels, for its five poolings need them.
    "trunk": Entry(networks.narrow_vgg, replace(ADAM, epochs=5), 12_000, classification(times=2)),
    # As many epochs as one core does in some twenty minutes.
    **{
        name: Entry(
            networks.DETECTORS[name],
            replace(ADAM, epochs=epochs, batch_size=32, lr=1e-3),
            10_000,
            DETECTION,
            start="trunk",
        )
        for name, epochs in {"faster_rcnn": 7, "yolo": 9, "ssd": 9}.items()
    },
    **{
        name: Entry(
            functools.partial(networks.fcn, skips),
            replace(ADAM, epochs=8, batch_size=16),
            2000,
            SEGMENTATION,
            start="trunk",
        )
        for name, skips in networks.SKIPS.items()
    },
}


def load(name: str) -> nn.Module:
    """The trained network ``name``, in evaluation mode; `LabelledImages` gives the batches it takes.

    Raises:
        ValueError: there is none of this name.
        FileError: its weights have not been stored yet, or their file is damaged or of another network.
    """
    model = entry(name).build()
    if not (FOLDER / f"{name}.safetensors").exists():
        raise FileError(_NOT_STORED.format(name))
    load_weights(FOLDER / f"{name}.safetensors", model)
    return model.eval()


def record(name: str) -> dict:
    """The recipe of a trained network and what the stored file reaches.

    Raises:
        ValueError: there is none of this name.
        FileError: it has not been stored yet.
    """
    entry(name)
    if not (FOLDER / f"{name}.json").exists():
        raise FileError(_NOT_STORED.format(name))
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_images(count: int | None = None) -> LabelledImages:
    """The first ``count`` test images, as the trained networks take them."""
    return labelled("test", count)


def in_order(names: Sequence[str]) -> list[list[str]]:
    """Groups of networks that can be trained side by side: first those from which others of the names start.

    Raises:
        ValueError: a network has no recipe.
    """
    started_from = {entry(name).start for name in names}
    first = [name for name in names if name in started_from]
    return [first, [name for name in names if name not in first]]


def minutes_known(name: str) -> float:
    """How long it took to train the network when it was last stored; a guess if it never was."""
    try:
        return record(name)["seconds"] / 60
    except (FileError, KeyError):
        return 10.0


def make(
    name: str,
    folder: Path = FOLDER,
    runs: Path | None = None,
    progress: Callable[[dict], None] | None = None,
) -> dict:
    """Train the network anew and store it; returns what `record` will say.

    Args:
        folder: where weights and record are written.
        runs: keeps a checkpoint of every epoch in a folder of its own, from which a training that was cut off goes on
            as long as the code stays the same; removed in the end.
        progress: called after every step with a dict to show.

    Raises:
        ValueError: there is no network of this name.
        FileError: a file cannot be written, or the network that this one starts from is not stored.
        TrainingError: see `cnncourse.training.loop.train`.
    """
    chosen = entry(name)
    unfinished = None if runs is None else runs / f"weights-{name}-{code(name)}"
    model, data, epochs = _started(chosen), chosen.task.data(chosen.images), set()

    def seen(row: dict) -> None:
        epochs.add(row["epoch"])
        if progress is not None:
            progress(row)

    start = time.process_time()  # of the processor, so that other programs do not count
    train(model, data, chosen.recipe, step=chosen.task.step, metric="loss", folder=unfinished, progress=seen)
    # What was done before a training was cut off counts as much as what was done after.
    seconds = (time.process_time() - start) * chosen.recipe.epochs / max(len(epochs), 1)
    save_weights(folder / f"{name}.safetensors", model.state_dict(), torch.float16)
    load_weights(folder / f"{name}.safetensors", model)  # what is measured is what is stored
    found = {
        "network": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "start": chosen.start,
        "images": chosen.images,
        "recipe": asdict(chosen.recipe) | {"augmentation": chosen.task.augmentation},
        **chosen.task.measure(model),
        **chosen.task.check(model),
        "seconds": round(seconds, 1),
        "versions": {package: version(package) for package in ("cnncourse", "torch")},
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }
    write_json(folder / f"{name}.json", found)
    if unfinished is not None:
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def code(name: str) -> str:
    """Sixteen digits that change when what trains the network may have: the code, or the weights that it starts from.

    Raises:
        ValueError: there is no network of this name.
    """
    sha = hashlib.sha256(imports.fingerprint([__name__]).encode())
    start = entry(name).start
    if start is not None and (FOLDER / f"{start}.safetensors").exists():
        sha.update((FOLDER / f"{start}.safetensors").read_bytes())
    return sha.hexdigest()[:16]


def _started(chosen: Entry) -> nn.Module:
    """The network as its training begins."""
    torch.manual_seed(chosen.recipe.seed)
    return chosen.build() if chosen.start is None else chosen.build(load(chosen.start))


def untrained(name: str) -> nn.Module:
    """The network with the layers that it has when trained, and random weights.

    Raises:
        ValueError: there is no network of this name.
    """
    chosen = entry(name)
    return chosen.build() if chosen.start is None else chosen.build(untrained(chosen.start))


def entry(name: str) -> Entry:
    """The network and recipe called ``name``.

    Raises:
        ValueError: there is none.
    """
    if name not in ZOO:
        raise ValueError(f"No trained network is called {name!r}; there are {', '.join(ZOO)}.")
    return ZOO[name]
