"""Does it matter how a segmentation network gets back to the size of the image?

FCN-8s, whose upsampling stays bilinear, and the same with upsampling that is learned from bilinear on; an
encoder-decoder that unpools with its encoder's switches; a U-shaped network that takes whole maps across. All start
from the same trained trunk and see the same images for the same number of steps.
"""

import torch
from torch import nn

from cnncourse.experiments._scenes import classifier_of, without_batch_norm
from cnncourse.experiments.segmentation._segmented import (
    FULL,
    SHORT,
    classes_in,
    draw_masks,
    draw_scores,
    good_and_bad,
    measured,
    packed,
    seen_by,
    summary_of,
    test_images,
    unpacked,
)
from cnncourse.segmentation.encoder_decoder import UNet, UnpoolingNet
from cnncourse.training.data import MaskedImages
from cnncourse.training.networks import SIDE, STAGES, channels_last, fcn

LECTURE = ("S9", "S10")
FCN8S = ("8s", "8s-learned")
OTHERS = ("unpooling", "u-shaped")
LABELS = {"8s": "FCN-8s", "8s-learned": "FCN-8s\nlearned", "unpooling": "unpooling", "u-shaped": "U-shaped"}


def settings(scale: str) -> list[dict]:
    # U-shaped networks and encoder-decoders on VGG-16 are no published pair: the paper's size has FCN-8s alone.
    names, sizes = ((*FCN8S, *OTHERS), SHORT) if scale == "cpu" else (FCN8S, FULL)
    return [{"network": name, "seed": seed, **sizes} for seed in range(3) for name in names]


def network(name: str, classifier: nn.Module, classes: int) -> nn.Module:
    """One of the four on a trained classifier; ``classes`` with the background."""
    if name == "unpooling":
        return _started(UnpoolingNet(STAGES, classes), classifier.features, "encoder")
    if name == "u-shaped":
        widths = [channels for channels, _ in STAGES]
        return _started(UNet(classes, widths, padding=1), without_batch_norm(classifier).features, "down")
    return fcn(2, classifier, classes=classes, upsampling="per_class" if name == "8s-learned" else "fixed")


def _started(model: nn.Module, features: nn.Sequential, way_down: str) -> nn.Module:
    """Copy what a trained classifier has learnt into the same layers of a network's way down, in order."""
    layers = [layer for layer in getattr(model, way_down).modules() if _learns(layer)]
    for layer, trained in zip(layers, filter(_learns, features), strict=True):
        layer.load_state_dict(trained.state_dict())
    return model


def _learns(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.BatchNorm2d)


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The four measures on test images, in percent; of the first seed also what it makes of some test scenes."""
    torch.manual_seed(setting["seed"])
    model = network(setting["network"], classifier_of(setting), classes_in(setting))
    found = measured(channels_last(model), setting, data, device)
    if setting["seed"] or data is not None:
        return found
    images = test_images(setting, None)
    some = MaskedImages([images.samples[index] for index in good_and_bad(images)])
    return {**found, "masks": packed(seen_by(model, some))}


def summary(rows: list[dict]) -> dict:
    """The measures of each network over its seeds; differences from FCN-8s by seed."""
    others = [name for name in dict.fromkeys(row["network"] for row in rows) if name != "8s"]
    return summary_of(rows, [(name, "8s") for name in others])


def draw(result: dict):
    """Mean IU of every run."""
    return draw_scores(
        result["runs"], {name: label for name, label in LABELS.items() if name in result["summary"]}
    )


def pictures(result: dict) -> dict:
    """What the networks of the first seed make of test scenes, beside the truth."""
    if result["data"] != "embedded":
        return {}
    images = test_images(result["runs"][0], None)
    seen = {LABELS[row["network"]]: unpacked(row["masks"], SIDE) for row in result["runs"] if "masks" in row}
    return {"sheet": draw_masks(images, good_and_bad(images), seen)}
