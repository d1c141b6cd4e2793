"""What do the trained detectors get wrong: small objects, crowded cells, unseen drawings, an unseen style?

The stored Faster R-CNN, YOLO and SSD on new scenes. Kinds of mistakes among the best detections, as YOLO's paper
counts them; average precision of the smallest, middle and largest third of the objects, as SSD's paper splits it, and
of objects that share one of YOLO's cells with another or have it for themselves.
"""

import torch
from torch import Tensor

from cnncourse.detection.boxes import corners_to_center
from cnncourse.detection.errors import KINDS, error_kinds
from cnncourse.detection.metrics import evaluate_voc
from cnncourse.experiments._scenes import scenes_of
from cnncourse.experiments.detection._sheets import best_and_worst, confident, draw_scenes
from cnncourse.training import tasks, zoo
from cnncourse.training.data import AnnotatedImages
from cnncourse.training.networks import BACKGROUND_TOO, SIDE
from cnncourse.visualize.figure import BLUE, COLOURS, GREEN, ORANGE, VERMILLION, subplots

LECTURE = ("D14", "D15", "D15b")
NAMES = {"faster_rcnn": "Faster R-CNN", "yolo": "YOLO", "ssd": "SSD"}
SPLITS = ("test", "unseen_drawings", "unseen_style")
CELL = SIDE // 6  # pixels of YOLO's cells
THIRDS = ("small", "middle", "large")
CONFIDENT = 0.5  # what the sheets show


def settings(scale: str) -> list[dict]:
    """At full scale the same stored networks, on ten times as many scenes."""
    scenes = {"cpu": 1000, "full": 10_000}[scale]
    return [{"network": name, "split": split, "scenes": scenes} for split in SPLITS for name in NAMES]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Average precisions and shares of mistakes, in percent."""
    images = AnnotatedImages(scenes_of(setting["split"], setting["scenes"], data))
    targets = [images[index][1] for index in range(len(images))]
    model = zoo.load(setting["network"]).to(device)
    found = tasks.detect(model, images.collate([images[index] for index in range(len(images))])[0])
    parts = {
        name: round(100 * evaluate_voc(found, part, BACKGROUND_TOO)["map"].item(), 2)
        for name, part in {"all": targets, **by_size(targets), **by_cell(targets)}.items()
    }
    return {"map": parts, "kinds": error_kinds(found, targets, BACKGROUND_TOO)}


def by_size(targets: list[dict[str, Tensor]]) -> dict[str, list[dict[str, Tensor]]]:
    """The targets three times: with all but the smallest, middle or largest third of the objects left out.

    A target has ``boxes`` ``[N, 4]`` and ``difficult`` bool ``[N]``.
    """
    areas = [(t["boxes"][:, 2:] - t["boxes"][:, :2]).prod(1) for t in targets]
    bounds = torch.cat(areas).quantile(torch.tensor([1 / 3, 2 / 3]))
    thirds = [torch.bucketize(area, bounds) for area in areas]
    return {
        name: [_only(t, third == k) for t, third in zip(targets, thirds, strict=True)]
        for k, name in enumerate(THIRDS)
    }


def by_cell(targets: list[dict[str, Tensor]]) -> dict[str, list[dict[str, Tensor]]]:
    """The targets twice: objects whose centre shares a cell of YOLO's with another's, and the others.

    A target has ``boxes`` ``[N, 4]`` and ``difficult`` bool ``[N]``.
    """
    shared = []
    for target in targets:
        cells = corners_to_center(target["boxes"])[:, :2].div(CELL).long()
        same = (cells[:, None] == cells[None]).all(-1)
        shared.append(same.sum(1) > 1)
    return {
        "shares a cell": [_only(t, s) for t, s in zip(targets, shared, strict=True)],
        "alone in its cell": [_only(t, ~s) for t, s in zip(targets, shared, strict=True)],
    }


def _only(target: dict[str, Tensor], counts: Tensor) -> dict[str, Tensor]:
    """Objects that do not count are difficult: neither finding nor missing them matters."""
    return {**target, "difficult": target["difficult"] | ~counts}


def summary(rows: list[dict]) -> dict:
    """By network and split."""
    return {
        name: {
            row["split"]: {"map": row["map"], "kinds": row["kinds"]} for row in rows if row["network"] == name
        }
        for name in NAMES
    }


def draw(result: dict):
    """Average precision by split, by size and by cell; the kinds of mistakes on test scenes."""
    figure, ((left, right),) = subplots(1, 2, (11, 4.2), width_ratios=(1.7, 1))
    said = result["summary"]
    groups = {
        **{split.replace("_", "\n"): (split, "all") for split in SPLITS},
        **{name: ("test", name) for name in THIRDS},
        "shares\na cell": ("test", "shares a cell"),
        "alone in\nits cell": ("test", "alone in its cell"),
    }
    for number, (name, label) in enumerate(NAMES.items()):
        values = [said[name][split]["map"][part] for split, part in groups.values()]
        places = [place + 0.27 * (number - 1) for place in range(len(groups))]
        left.bar(places, values, 0.25, color=COLOURS[number], label=label)
    left.set_xticks(range(len(groups)), list(groups), fontsize=10)
    left.set(ylabel="mAP [%]", ylim=(0, 100))
    left.grid(False, axis="x")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=3, frameon=False)
    start = [0.0] * len(NAMES)
    for kind, colour in zip(KINDS, (GREEN, ORANGE, VERMILLION, BLUE), strict=True):
        values = [said[name]["test"]["kinds"][kind] for name in NAMES]
        right.barh(list(NAMES.values()), values, left=start, color=colour, label=kind)
        start = [a + b for a, b in zip(start, values, strict=True)]
    right.invert_yaxis()
    right.set(xlabel="best detections on test scenes [%]", xlim=(0, 100))
    right.grid(False, axis="y")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=4, frameon=False)
    return figure


# ------------------------------------------------------------------------------------------------------- sheets
def pictures(result: dict) -> dict:
    """For each network a sheet: test scenes in which all is right, and those in which most is wrong."""
    images = AnnotatedImages(scenes_of("test", 200))
    return {name: sheet(name, images) for name in NAMES}


def sheet(name: str, images: AnnotatedImages, columns: int = 6):
    """Two rows of good scenes and two of bad ones, with the confident detections."""
    batch, targets = images.collate([*images])
    found = [confident(one, CONFIDENT) for one in tasks.detect(zoo.load(name), batch)]
    chosen = best_and_worst(found, targets, 2 * columns)
    figure, axes = subplots(4, columns, (2.1 * columns, 9))
    draw_scenes(axes.flat, [images.samples[index][0] for index in chosen], [found[index] for index in chosen])
    axes[0, 0].set_title("everything found", loc="left")
    axes[2, 0].set_title("most mistakes", loc="left")
    return figure
