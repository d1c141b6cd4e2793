"""``cnncourse train``: one of the course's networks on images by path."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
from lightning_fabric import Fabric

from cnncourse.classification import NETWORKS
from cnncourse.files import write_json
from cnncourse.progress import progress_bar
from cnncourse.training.data import LabelledImages, crops_and_reflections, leave_alone, open_images
from cnncourse.training.loop import train
from cnncourse.training.recipe import Recipe

AUGMENTATIONS = {"none": leave_alone, "crops": crops_and_reflections}


def make_fabric(accelerator: str = "auto", precision: str = "32-true") -> Fabric:
    """One process; or as many as ``torchrun`` has started, which share every batch."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    nodes = int(os.environ.get("WORLD_SIZE", 1)) // local
    strategy = "ddp" if local * nodes > 1 else "auto"
    fabric = Fabric(
        accelerator=accelerator, strategy=strategy, devices=local, num_nodes=nodes, precision=precision
    )
    fabric.launch()
    return fabric


def train_network(
    name: str,
    recipe: Recipe,
    folder: str | os.PathLike,
    data: str | os.PathLike | None = None,
    side: int = 32,
    width: float = 1.0,
    count: int | None = None,
    augmentation: str = "crops",
    accelerator: str = "auto",
    precision: str = "32-true",
    workers: int = 0,
    progress: Callable[[dict], None] | None = None,
) -> dict:
    """Train the network ``name`` and leave checkpoints, history and ``result.json`` in ``folder``.

    Args:
        name: one of `NETWORKS`.
        data, side, count: see `cnncourse.training.data.open_images`; a folder's held-out split is ``val`` or ``test``.
        width: this many times the network's channels.
        augmentation: one of `AUGMENTATIONS`.
        accelerator, precision: Lightning Fabric's; for example "cuda" and "bf16-mixed".
        workers, progress: see `cnncourse.training.loop.train`.

    Returns:
        What ``result.json`` holds: network, recipe, data, the last epoch, the best error, seconds, versions.

    Raises:
        ValueError: an unknown network or augmentation, or what `open_images` raises.
        FileError: data or a checkpoint that cannot be used.
        TrainingError: see `cnncourse.training.loop.train`.
    """
    if name not in NETWORKS or augmentation not in AUGMENTATIONS:
        raise ValueError(
            f"network {name!r}, augmentation {augmentation!r}: there are the networks {', '.join(NETWORKS)} and the "
            f"augmentations {', '.join(AUGMENTATIONS)}."
        )
    images, labels, classes = open_images(data, "train", side, count)
    held_out = "val" if data is not None and (Path(data) / "val").is_dir() else "test"
    validation = open_images(data, held_out, side, count)
    torch.manual_seed(recipe.seed)
    model = NETWORKS[name](classes=len(classes), width=width, input_size=side)
    start = time.monotonic()
    history = train(
        model,
        LabelledImages(images, labels, AUGMENTATIONS[augmentation]),
        recipe,
        validation=LabelledImages(*validation[:2]),
        fabric=(fabric := make_fabric(accelerator, precision)),
        folder=folder,
        workers=workers,
        progress=progress,
    )
    result = {
        "network": {"name": name, "width": width, "side": side, "classes": list(classes)},
        "recipe": {**asdict(recipe), "augmentation": augmentation, "precision": precision},
        "data": {"path": None if data is None else Path(data).name, "images": len(images)},
        "last": history[-1],
        "best_validation_error": min(row["validation_error"] for row in history),
        "seconds": round(time.monotonic() - start, 1),
        "versions": {package: version(package) for package in ("cnncourse", "torch", "lightning-fabric")},
    }
    if fabric.is_global_zero:
        write_json(Path(folder) / "result.json", result)
    return result


@contextlib.contextmanager
def training_bar(epochs: int) -> Iterator[Callable[[dict], None]]:
    """A progress bar over all steps, with the epoch's loss and metrics so far; yields the loop's ``progress``."""
    with progress_bar("training", unit="steps") as advance:

        def show(state: dict) -> None:
            epoch, step, steps = state["epoch"], state["step"], state["steps"]
            measures = {
                name: value for name, value in state.items() if name not in ("epoch", "step", "steps")
            }
            told = "  ".join(f"{name} {value:.3f}" for name, value in measures.items())
            done = epoch * steps + step + 1
            advance(text=f"epoch {epoch + 1}/{epochs}  {told}", done=done, total=epochs * steps)

        yield show
