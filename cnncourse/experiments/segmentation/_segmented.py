"""What the experiments on segmentation networks share: one training, one summary, one figure, one sheet."""

import base64
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cnncourse.data import voc
from cnncourse.experiments._scenes import classes_of, scenes_of
from cnncourse.experiments._short import fabric_on
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training import zoo
from cnncourse.training.data import MaskedImages
from cnncourse.training.loop import train
from cnncourse.training.networks import CLASSES
from cnncourse.training.recipe import Recipe
from cnncourse.training.tasks import measures, segmentation_step
from cnncourse.visualize.figure import BLUE, GREEN, subplots
from cnncourse.visualize.scenes import mask_figure

MEASURES = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")
SHORT = {"images": 800, "test": 200, "epochs": 6, "batch": 8, "lr": 2e-3, "width": None}
# Photographs have sizes of their own, so a batch is one.
FULL = {"images": None, "test": None, "epochs": 60, "batch": 1, "lr": 2e-3, "width": 1.0}


def test_images(setting: dict, data) -> MaskedImages:
    """Embedded test scenes; of VOC, which keeps the masks of its test images to itself, those for validation."""
    split = "test" if data is None else "val"
    return MaskedImages(scenes_of(split, setting["test"], data, masks=True))


def classes_in(setting: dict) -> int:
    """With the background."""
    return len(classes_of(setting)) + 1


def measured(model: nn.Module, setting: dict, data, device: str) -> dict:
    """Train the network and return the four measures on test images, in percent."""
    images = MaskedImages(scenes_of("train", setting["images"], data, masks=True), flip=True)
    recipe = Recipe(
        setting["epochs"], setting["batch"], setting["lr"], "adam", schedule="cosine", seed=setting["seed"]
    )
    train(model, images, recipe, step=segmentation_step, fabric=fabric_on(device))
    return measures(model, test_images(setting, data), classes_in(setting))


def summary_of(rows: list[dict], differences: Iterable[tuple[str, str]]) -> dict:
    """The measures of each network over its seeds; differences in mean IU by seed."""
    names = dict.fromkeys(row["network"] for row in rows)
    found = {
        name: {
            measure: spread([row[measure] for row in rows if row["network"] == name]) for measure in MEASURES
        }
        for name in names
    }
    return found | {f"{a} minus {b}": paired(rows, "network", "mean_iu", a, b) for a, b in differences}


def draw_scores(rows: list[dict], labels: Mapping[str, str], ceilings: Sequence[float] = ()):
    """Mean IU of every run, a column for each network of ``labels``, with its ceiling if there are any."""
    figure, ((axes,),) = subplots(size=(7.2, 3.8))
    for place, name in enumerate(labels):
        scores = [row["mean_iu"] for row in rows if row["network"] == name]
        label = "network, each seed" if not place else None
        axes.plot([place] * len(scores), scores, "o", color=BLUE, alpha=0.7, label=label)
    for place, limit in enumerate(ceilings):
        label = "ceiling of its stride" if not place else None
        axes.hlines(limit, place - 0.3, place + 0.3, color=GREEN, linestyle="--", label=label)
    axes.set_xticks(range(len(labels)), list(labels.values()))
    axes.set(ylabel="mean IU [%]", ylim=(0, 100), xlim=(-0.5, len(labels) - 0.5))
    axes.grid(False, axis="x")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


# ------------------------------------------------------------------------------------------------------ sheets
@torch.no_grad()
def seen_by(model: nn.Module, images: MaskedImages) -> Tensor:
    """The class of every pixel of scenes, int64 ``[N, S, S]``; on the CPU, the model in evaluation mode."""
    device = next(model.parameters()).device
    batch, _ = images.collate([*images])
    return torch.cat([model(part.to(device)).argmax(1).cpu() for part in batch.split(50)])


def good_and_bad(images: MaskedImages, good: int = 4, bad: int = 2) -> list[int]:
    """Scenes with two things or more: those of which the stored FCN-8s gets most pixels right, then fewest."""
    _, masks = images.collate([*images])
    known = masks != voc.VOID
    correct = (seen_by(zoo.load("fcn8s"), images) == masks) & known
    right = correct.flatten(1).sum(1) / known.flatten(1).sum(1)
    several = torch.tensor([len(mask.unique()) > 3 for mask in masks])  # background and void are two
    order = sorted(several.nonzero()[:, 0].tolist(), key=lambda index: -right[index])
    return [*order[:good], *order[-bad:]]


def draw_masks(images: MaskedImages, chosen: Sequence[int], columns: Mapping[str, Sequence[Tensor]]):
    """A row for each chosen scene: the image, a mask ``[S, S]`` for each of the columns, and the truth."""
    truth = [images[index][1] for index in chosen]
    columns = {"image": [torch.zeros_like(mask) for mask in truth], **columns, "truth": truth}
    names = dict(enumerate(CLASSES, 1))
    figure, axes = subplots(len(chosen), len(columns), (2.2 * len(columns), 2.5 * len(chosen)))
    for row, index in enumerate(chosen):
        for ax, (title, masks) in zip(axes[row], columns.items(), strict=True):
            mask_figure(images.samples[index][0], masks[row].numpy(), ax, names)
            if title != "truth" and ax.get_legend():
                ax.get_legend().remove()  # the colours are the same, the truth's legend serves the row
            if row == 0:
                ax.set_title(title)
    return figure


def packed(masks: Tensor) -> str:
    """Masks ``[N, S, S]`` of classes below 256, for a JSON."""
    return base64.b64encode(zlib.compress(masks.to(torch.uint8).numpy().tobytes(), 9)).decode()


def unpacked(text: str, side: int) -> Tensor:
    """What `packed` packed: int64 ``[N, side, side]``."""
    values = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return torch.from_numpy(values.reshape(-1, side, side).astype(np.int64))
