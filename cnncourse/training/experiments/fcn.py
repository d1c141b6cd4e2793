"""How much do skips to finer maps sharpen a segmentation, and how much does training the trunk matter?

FCN-32s with only its last layer trained, FCN-32s, 16s and 8s, from the same trained trunk; the paper's four measures
on test scenes. The two at stride 32, whose few scores have to teach the layers below them, see three times as many
images as the others: what they lack behind these is not training. Beside them FCN-8s whose upsampling is learned from
bilinear on, an encoder-decoder that unpools, and a U-shaped network, both starting from the same trunk on the way
down; and the ceiling: the truth itself, known at every 32nd, 16th, 8th pixel only and interpolated.
"""

import torch
from torch import nn

from cnncourse.data import voc
from cnncourse.segmentation.encoder_decoder import UNet, UnpoolingNet
from cnncourse.training import segmenters, zoo
from cnncourse.training.detectors import CLASSES, STAGES, channels_last
from cnncourse.training.experiments._scenes import classes_of, scenes_of, trunk_of, without_batch_norm
from cnncourse.training.experiments._short import fabric_on
from cnncourse.training.loop import Recipe, train
from cnncourse.training.reproduce import paired, spread
from cnncourse.training.segmenters import MaskedImages, ceiling, fcn, measures, segmentation_step
from cnncourse.visualize.figure import BLUE, GREEN, subplots
from cnncourse.visualize.scenes import mask_figure

LECTURE = ("S9", "S10")
SKIPS = {"32s-fixed": 0, "32s": 0, "16s": 1, "8s": 2, "8s-learned": 2}
OTHERS = ("unpooling", "u-shaped")
NETWORKS = (*SKIPS, *OTHERS)
STRIDES = (32, 16, 8)
RATES = {"32s-fixed": 5e-3}  # the better of this and 2e-3, which the others have
MEASURES = ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu")
STEPS = (("32s", "32s-fixed"), ("16s", "32s"), ("8s", "16s"), ("8s-learned", "8s"))  # the claimed differences


def settings(scale: str) -> list[dict]:
    def setting(name: str, seed: int) -> dict:
        if scale == "full":  # photographs have sizes of their own, so a batch is one
            sizes = {"images": None, "test": None, "epochs": 60, "batch": 1, "width": 1.0}
        else:
            longer = name.startswith("32s")
            images, epochs, batch = (2000, 7, 16) if longer else (800, 6, 8)
            sizes = {"images": images, "test": 200, "epochs": epochs, "batch": batch, "width": None}
        return {"network": name, "seed": seed, "lr": RATES.get(name, 2e-3), **sizes}

    # U-shaped networks and encoder-decoders on VGG-16 are no published pair: the paper's size has the FCNs alone. No
    # difference is claimed of them, so one seed will do.
    runs = [setting(name, seed) for seed in range(3) for name in SKIPS]
    if scale == "cpu":
        runs += [setting(name, 0) for name in OTHERS]
    return [*runs, *(setting(f"ceiling {stride}", 0) for stride in STRIDES)]


# ------------------------------------------------------------------------------------------------- the networks
def network(name: str, trunk: nn.Module, classes: int) -> nn.Module:
    """One of `NETWORKS` on a trained classifier; ``classes`` with the background."""
    if name == "unpooling":
        return _started(UnpoolingNet(STAGES, classes), trunk.features, "encoder")
    if name == "u-shaped":
        widths = [channels for channels, _ in STAGES]
        return _started(UNet(classes, widths, padding=1), without_batch_norm(trunk).features, "down")
    upsampling = "per_class" if name == "8s-learned" else "fixed"
    return fcn(SKIPS[name], trunk, name == "32s-fixed", classes, upsampling)


def _started(model: nn.Module, features: nn.Sequential, way_down: str) -> nn.Module:
    """Copy what a trained trunk has learnt into the same layers of a network's way down, in order."""
    layers = [layer for layer in getattr(model, way_down).modules() if _learns(layer)]
    for layer, trained in zip(layers, filter(_learns, features), strict=True):
        layer.load_state_dict(trained.state_dict())
    return model


def _learns(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.BatchNorm2d)


# ------------------------------------------------------------------------------------------------------- the runs
def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The four measures on test images, in percent."""
    split = "test" if data is None else "val"  # VOC keeps the masks of its test images to itself
    test = MaskedImages(scenes_of(split, setting["test"], data, masks=True))
    classes = len(classes_of(setting)) + 1
    kind, _, stride = setting["network"].partition(" ")
    if kind == "ceiling":
        return ceiling(test, int(stride), classes)
    torch.manual_seed(setting["seed"])
    model = channels_last(network(kind, trunk_of(setting), classes))
    images = MaskedImages(scenes_of("train", setting["images"], data, masks=True), flip=True)
    recipe = Recipe(
        setting["epochs"], setting["batch"], setting["lr"], "adam", schedule="cosine", seed=setting["seed"]
    )
    train(model, images, recipe, step=segmentation_step, fabric=fabric_on(device))
    return measures(model, test, classes)


def summary(rows: list[dict]) -> dict:
    """The measures of each network over its seeds and of each ceiling, and the claimed differences by seed."""
    names = dict.fromkeys(row["network"] for row in rows)
    found = {
        name: {
            measure: spread([row[measure] for row in rows if row["network"] == name]) for measure in MEASURES
        }
        for name in names
    }
    return found | {f"{a} minus {b}": paired(rows, "network", "mean_iu", a, b) for a, b in STEPS}


def pictures(result: dict) -> dict:
    """Test scenes as the stored FCN-32s, 16s and 8s see them, beside the truth: three levels of sharpness."""
    return {"sharpness": sharpness(MaskedImages(scenes_of("test", 200, masks=True)))}


@torch.no_grad()
def sharpness(images: MaskedImages, good: int = 4, bad: int = 2):
    """A row a scene: those that FCN-8s gets most pixels of right and wrong, among scenes with two things or more."""
    models = {name: zoo.load(name) for name in segmenters.SKIPS}
    batch, masks = images.collate([images[index] for index in range(len(images))])
    seen = {
        name: torch.cat([model(part).argmax(1) for part in batch.split(50)]) for name, model in models.items()
    }
    known = masks != voc.VOID
    right = ((seen["fcn8s"] == masks) & known).flatten(1).sum(1) / known.flatten(1).sum(1)
    several = torch.tensor([len(mask.unique()) > 3 for mask in masks])  # background and void are two
    order = sorted(several.nonzero()[:, 0].tolist(), key=lambda index: -right[index])
    columns = {"image": None, "FCN-32s": "fcn32s", "FCN-16s": "fcn16s", "FCN-8s": "fcn8s", "truth": "truth"}
    seen["truth"] = masks
    names = dict(enumerate(CLASSES, 1))
    figure, axes = subplots(good + bad, 5, (11, 2.5 * (good + bad)))
    for row, index in zip(axes, [*order[:good], *order[-bad:]], strict=True):
        for ax, (title, name) in zip(row, columns.items(), strict=True):
            mask = torch.zeros_like(masks[index]) if name is None else seen[name][index]
            mask_figure(images.samples[index][0], mask.numpy(), ax, names)
            if name != "truth" and ax.get_legend():
                ax.get_legend().remove()  # the colours are the same, the truth's legend serves the row
            if ax in axes[0]:
                ax.set_title(title)
    return figure


def draw(result: dict):
    """Mean IU of every run, beside the ceiling of its stride."""
    figure, ((axes,),) = subplots(size=(7.2, 3.8))
    names = [name for name in NETWORKS if name in result["summary"]]
    for place, name in enumerate(names):
        scores = [row["mean_iu"] for row in result["runs"] if row["network"] == name]
        label = "network, each seed" if not place else None
        axes.plot([place] * len(scores), scores, "o", color=BLUE, alpha=0.7, label=label)
        if name in SKIPS:
            limit = result["summary"][f"ceiling {name.split('s')[0]}"]["mean_iu"]["mean"]
            label = "ceiling of its stride" if not place else None
            axes.hlines(limit, place - 0.3, place + 0.3, color=GREEN, linestyle="--", label=label)
    labels = [
        f"FCN\n{name.replace('-', ' ')}" if name in SKIPS else name.replace("-", "-\n") for name in names
    ]
    axes.set_xticks(range(len(names)), labels, fontsize=10)
    axes.set(ylabel="mean IU [%]", ylim=(0, 100))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
