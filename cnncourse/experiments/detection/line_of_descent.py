"""From R-CNN to SSD: where does each detector spend its time, and how accurate is it?

R-CNN, SPP-net, Fast R-CNN and Faster R-CNN stand on one trained trunk, learn from the same images for the same number
of passes, and (but for Faster R-CNN, which makes its own) look at the same proposals of Selective Search. Beside them
stand the stored Faster R-CNN, YOLO and SSD, which were trained on twenty times as many images. An image's seconds are
split into proposals, features (passes of the trunk) and heads (everything else), one image at a time. At course scale
there are 100 proposals an image where the papers have about 2,000, so R-CNN falls behind some twenty times less.
"""

from collections.abc import Callable

import torch
from torch import nn

from cnncourse.detection import fast_rcnn, faster_rcnn, rcnn, sppnet
from cnncourse.detection.fast_rcnn import FastRCNN, RoIHead
from cnncourse.detection.ssd import SSD
from cnncourse.detection.yolo import YOLO, darknet
from cnncourse.experiments._scenes import (
    COURSE_LIGHT,
    ProposedImages,
    classes_of,
    classifier_of,
    clock_of,
    fit,
    map_of,
    proposed,
    results_on,
    scenes_of,
    seconds_in,
    without_batch_norm,
)
from cnncourse.experiments.detection._sheets import best_and_worst, confident, draw_scenes, read, written
from cnncourse.training import networks, zoo
from cnncourse.training.data import AnnotatedImages
from cnncourse.training.networks import CHANNELS, SIDE, stages
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, COLOURS, GREEN, MARKS, ORANGE, subplots

LECTURE = ("D5", "D8", "D13", "D14", "D15", "D15b", "D17")
ON_PROPOSALS = ("rcnn", "sppnet", "fast_rcnn")
LINE = (*ON_PROPOSALS, "faster_rcnn")
STORED = tuple(networks.DETECTORS)
NAMES = {
    **{"rcnn": "R-CNN", "sppnet": "SPP-net", "fast_rcnn": "Fast R-CNN", "faster_rcnn": "Faster R-CNN"},
    **{"yolo": "YOLO", "ssd": "SSD"},
}
# What the sheet shows: margins of support vector machines above 0, probabilities of a half.
CONFIDENT = {"rcnn": 0.0, "sppnet": 0.0, "fast_rcnn": 0.5, "faster_rcnn": 0.5}
SHOWN = 3  # good scenes of each method, and as many bad ones
PARTS = {"proposals": ORANGE, "features": BLUE, "heads": GREEN}


def settings(scale: str) -> list[dict]:
    sizes = {
        "cpu": {"images": 500, "test": 200, "proposals": 100, "epochs": 4, "batch": 8, "width": None},
        "full": {"images": None, "test": None, "proposals": 2000, "epochs": 8, "batch": 2, "width": 1.0},
    }[scale]
    trained = [{"method": method, "stored": False, "seed": 0, **sizes} for method in LINE]
    # At the papers' size nothing is stored: YOLO and SSD are trained like the others.
    stored = [{"method": method, "stored": scale == "cpu", "seed": 0, **sizes} for method in STORED]
    return [*trained, *(one for one in stored if one["stored"] or one["method"] not in LINE)]


# ---------------------------------------------------------------------------------------------- the four networks
def course_rcnn(classifier: nn.Module) -> nn.Module:
    """Regions warped to 64 pixels, what the trunk was trained on, 4 of them context on every side."""
    return rcnn.RCNN(
        classifier, networks.BACKGROUND_TOO, context=4, samples=16, score_threshold=-1.0, **COURSE_LIGHT
    )


def course_sppnet(classifier: nn.Module) -> nn.Module:
    """The map at stride 8, a pyramid of 4 x 4, 2 x 2 and 1 x 1 bins, one scale."""
    spp = sppnet.SPPClassifier(
        stages(classifier.features, 4), CHANNELS, (128,), levels=(4, 2, 1), dropout=0.2
    )
    options = {"stride": 8, "scales": (SIDE,), "samples": 16, "score_threshold": -1.0, **COURSE_LIGHT}
    return sppnet.SPPNet(spp, networks.BACKGROUND_TOO, **options)


def course_fast_rcnn(classifier: nn.Module, samples: int = 128) -> FastRCNN:
    """The map at stride 8, regions of 5 x 5 bins."""
    layers = nn.Sequential(nn.Linear(CHANNELS * 25, 128), nn.ReLU(inplace=True))
    options = {"samples": samples, "background": (0.0, 0.5)}
    head = RoIHead(layers, 128, networks.BACKGROUND_TOO, (5, 5), 1 / 8, **options)
    return FastRCNN(stages(classifier.features, 4), head, shorter=SIDE, longer=SIDE, **COURSE_LIGHT)


def paper_sppnet(classifier: nn.Module) -> nn.Module:
    """SPP-net on a whole VGG-16, every layer of it trained."""
    parts = fast_rcnn.vgg_parts(classifier, frozen=0)
    return sppnet.SPPNet(sppnet.SPPClassifier(parts.trunk, parts.channels, (parts.hidden,) * 2))


COURSE: dict[str, Callable[[nn.Module], nn.Module]] = {
    "rcnn": course_rcnn,
    "sppnet": course_sppnet,
    "fast_rcnn": course_fast_rcnn,
    "faster_rcnn": networks.faster_rcnn,
}


def paper(method: str, classifier: nn.Module, width: float) -> nn.Module:
    """A network of the papers' size, for VOC's 21 classes.

    Raises:
        ValueError: an unknown method.
    """
    match method:
        case "rcnn":
            return rcnn.RCNN(classifier)
        case "sppnet":
            return paper_sppnet(classifier)
        case "fast_rcnn":
            return fast_rcnn.fast_rcnn_vgg(classifier=classifier)
        case "faster_rcnn":
            return faster_rcnn.faster_rcnn_vgg(classifier=classifier)
        case "yolo":
            return YOLO(trunk=darknet(width=width), hidden=round(4096 * width))
        case "ssd":
            return SSD(features=classifier.features, width=width)
    raise ValueError(f"{method} is none of {', '.join(NAMES)}")


# ------------------------------------------------------------------------------------------------ train and measure
def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Mean average precision in percent; seconds of training by stage and of a test image by part."""
    method = setting["method"]
    test = _images("test", setting["test"], setting, data)
    model, training = _trained(setting, data, device)
    modules = {"features": model.trunk} | ({"proposals": model.rpn} if method == "faster_rcnn" else {})
    results_on(model, test, 1)  # the first pass allocates and compiles
    with seconds_in(modules, device) as seconds:
        found = results_on(model, test)
    each = {name: value / len(test) for name, value in seconds.items()}
    inside = each.get("proposals", 0.0)
    search = test.seconds if method in ON_PROPOSALS else 0.0
    parts = {"proposals": inside + search, "features": each["features"]}
    parts["heads"] = each["all"] - each["features"] - inside
    return {
        "map": map_of(found, test, classes_of(setting)),
        "training_seconds": {name: round(value, 1) for name, value in training.items()},
        "image_seconds": {name: round(value, 5) for name, value in parts.items()},
        "scenes": [] if setting["stored"] else _shown(found, test, CONFIDENT.get(method, 0.5)),
    }


def _shown(found: list[dict], data: AnnotatedImages, score: float) -> list[dict]:
    """Detections in the best and the worst scenes, for the sheet: the trained network itself is not kept."""
    found = [confident(one, score) for one in found]
    chosen = best_and_worst(found, [data[index][1] for index in range(len(data))], SHOWN)
    return [{"scene": index, **written(found[index])} for index in chosen]


def _images(split: str, count: int | None, setting: dict, data) -> AnnotatedImages:
    """Scenes, with proposals for a method that needs some."""
    if setting["method"] in ON_PROPOSALS:
        return proposed(split, count, data, setting["proposals"])
    return AnnotatedImages(scenes_of(split, count, data))


def _trained(setting: dict, data, device: str) -> tuple[nn.Module, dict[str, float]]:
    """The network, trained, and the seconds of each stage."""
    if setting["stored"]:
        return zoo.load(setting["method"]).to(device), {"all": zoo.record(setting["method"])["seconds"]}
    torch.manual_seed(setting["seed"])
    classifier, width, method = (
        without_batch_norm(classifier_of(setting)),
        setting["width"],
        setting["method"],
    )
    model = COURSE[method](classifier) if width is None else paper(method, classifier, width)
    train = _images("train", setting["images"], setting, data)
    recipe = Recipe(
        setting["epochs"], setting["batch"], 1e-3, "adam", schedule="cosine", seed=setting["seed"]
    )
    seconds = {"fine-tuning": fit(model, train, recipe, device)}
    if method in ("rcnn", "sppnet"):
        seconds |= _later_stages(model, train, device)
    return model, seconds


def _later_stages(model: rcnn.RCNN, data: ProposedImages, device: str) -> dict[str, float]:
    """Stages 2 and 3 of R-CNN, timed."""
    model.eval()
    plain = [data.augment(data[index], torch.Generator()) for index in range(len(data))]
    images, proposals, targets = data.collate(plain)
    batch = [[part.to(device) for part in parts] for parts in (images, proposals)]
    targets = [{name: rows.to(device) for name, rows in target.items()} for target in targets]
    seconds, clock = {}, clock_of(device)
    for name, stage in (("SVMs", model.fit_svms), ("boxes", model.fit_box_regressors)):
        start = clock()
        stage(*batch, targets)
        seconds[name] = clock() - start
    return seconds


def key(row: dict) -> str:
    """What a run is called: a stored network's name says so."""
    return NAMES[row["method"]] + (" (stored)" if row["stored"] else "")


def summary(rows: list[dict]) -> dict:
    """Of each method: accuracy, minutes of training, milliseconds an image, and how many times R-CNN's speed."""
    whole = {key(row): sum(row["image_seconds"].values()) for row in rows}
    return {
        key(row): {
            "map": row["map"],
            "training_minutes": round(sum(row["training_seconds"].values()) / 60, 2),
            "milliseconds": {name: round(1000 * value, 2) for name, value in row["image_seconds"].items()},
            "times_as_fast_as_rcnn": round(whole["R-CNN"] / whole[key(row)], 1),
        }
        for row in rows
    }


def draw(result: dict):
    """Milliseconds an image by part; and accuracy against them, stored networks as filled marks."""
    figure, ((bars, plane),) = subplots(1, 2, (10.5, 4.2), width_ratios=(1.2, 1))
    left = [0.0] * len(result["runs"])
    names = [key(row).replace(" (", "\n(") for row in result["runs"]]
    for part, colour in PARTS.items():
        values = [1000 * row["image_seconds"][part] for row in result["runs"]]
        bars.barh(names, values, left=left, color=colour, label=part)
        left = [a + b for a, b in zip(left, values, strict=True)]
    for row, value in enumerate(left):
        bars.annotate(f"{value:.0f}", (value, row), xytext=(4, 0), textcoords="offset points", va="center")
    bars.set(xlabel="milliseconds an image", xlim=(0, 1.15 * max(left)))
    bars.invert_yaxis()
    bars.grid(False, axis="y")
    bars.legend(loc="lower right", frameon=False)
    for row, value in zip(result["runs"], left, strict=True):
        order = list(NAMES).index(row["method"])
        colour = COLOURS[order]
        face = colour if row["stored"] else "white"
        label = key(row)
        look = {"color": colour, "markerfacecolor": face, "markersize": 9, "markeredgewidth": 2}
        plane.plot(value, row["map"], MARKS[order], linestyle="", label=label, **look)
    plane.set(xlabel="milliseconds an image", ylabel="mAP [%]", xscale="log", ylim=(0, 100))
    plane.minorticks_off()
    plane.set_xticks([10, 30, 100, 300], ["10", "30", "100", "300"])
    figure.legend(*plane.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
    return figure


def pictures(result: dict) -> dict:
    """A row for each method that was trained here: its best scenes, then its worst."""
    if result["scale"] != "cpu":
        return {}
    samples = scenes_of("test", result["runs"][0]["test"])
    rows = [row for row in result["runs"] if row["scenes"]]
    figure, axes = subplots(len(rows), 2 * SHOWN, (2.1 * 2 * SHOWN, 2.35 * len(rows)))
    for line, row in zip(axes, rows, strict=True):
        draw_scenes(line, [samples[one["scene"]][0] for one in row["scenes"]], map(read, row["scenes"]))
        line[0].set_title(f"{key(row)}: best", loc="left")
        line[SHOWN].set_title("worst", loc="left")
    return {"sheet": figure}
