"""How many proposals cover how many of the objects, and is proposing the slow step of detection?

Methods that do not look at the image (random boxes, a sliding window in random order), that look at its regions or
edges (Selective Search, Edge Boxes), and the RPN of the trained Faster R-CNN. Each is timed on one thread, beside the
rest of a detector that has to wait for it: the trunk, and Faster R-CNN's head on the best 300 proposals.

Seconds depend on who wrote the code: Selective Search and Edge Boxes are plain Python here, the published ones
compiled; and Edge Boxes stand on gradients here, in the paper on edges that a detector has learnt to find. At full
scale there is no RPN, for the course stores none that was trained on photographs; the detector is Faster R-CNN on a
VGG-16, untrained, which takes as long as a trained one.
"""

import torch
from torch import Tensor

from cnncourse.classical.proposals import recall
from cnncourse.detection.faster_rcnn import faster_rcnn_vgg
from cnncourse.experiments._scenes import scenes_of
from cnncourse.experiments.detection._proposers import STEPS, one_thread, proposer, timed
from cnncourse.experiments.statistics import spread
from cnncourse.training import zoo
from cnncourse.training.data import AnnotatedImages
from cnncourse.visualize.figure import COLOURS, DASHES, subplots

LECTURE = ("D4",)
METHODS = ("random boxes", "sliding window", "Selective Search", "Edge Boxes", "RPN")
DRAWN = METHODS[:3]  # those in which chance decides the order: repeated with several seeds
COUNTS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000)
THRESHOLDS = (0.5, 0.7)


def settings(scale: str) -> list[dict]:
    images, methods = {"cpu": (200, METHODS), "full": (4952, METHODS[:-1])}[scale]
    return [
        {"seed": seed, "method": method, "images": images, "published": scale == "full"}
        for method in reversed(methods)
        for seed in range(3 if method in DRAWN else 1)
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Recall at `COUNTS`; medians over the images of the number of boxes and of the seconds of each step."""
    published = setting["published"]
    samples = AnnotatedImages(scenes_of("test", setting["images"], data))
    model = (faster_rcnn_vgg() if published else zoo.load("faster_rcnn")).eval().to(device)
    propose = proposer(setting["method"], setting["seed"], COUNTS[-1], published, model.rpn)
    objects, found, seconds = [], [], []
    with one_thread(), torch.no_grad():
        for index in range(len(samples)):
            (image,), (target,) = samples.collate([samples[index]])
            boxes, times = timed(propose, model, image, device)
            objects.append(target["boxes"][~target["difficult"]])
            found.append(boxes)
            seconds.append(times)
    medians = torch.tensor(seconds).median(0).values.tolist()
    return {
        "boxes": int(torch.tensor([float(len(boxes)) for boxes in found]).median()),
        **{f"recall at {t}": recall_at(found, objects, t) for t in THRESHOLDS},
        "seconds": {name: round(value, 6) for name, value in zip(STEPS, medians, strict=True)},
    }


def recall_at(found: list[Tensor], objects: list[Tensor], threshold: float) -> list[float]:
    """Recall with the first `COUNTS` boxes of each image, from boxes ``[B, 4]`` and objects ``[N, 4]``."""
    return [round(value, 4) for value in recall(found, objects, COUNTS, threshold).tolist()]


def summary(rows: list[dict]) -> dict:
    """For each method the mean over seeds of recall at `COUNTS` and of seconds, and what part of them proposes."""
    found = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        seconds = {name: spread([row["seconds"][name] for row in mine]) for name in mine[0]["seconds"]}
        every = sum(part["mean"] for part in seconds.values())
        found[method] = {"boxes": spread([row["boxes"] for row in mine]), "seconds": seconds}
        found[method]["part that proposes"] = round(seconds["proposals"]["mean"] / every, 4)
        for name in (f"recall at {threshold}" for threshold in THRESHOLDS):
            of_count = zip(*(row[name] for row in mine), strict=True)
            found[method][name] = [spread(values) for values in of_count]
    return {"counts": list(COUNTS), "methods": {name: found[name] for name in METHODS if name in found}}


def draw(result: dict):
    """Recall against the number of proposals at both overlaps, and the milliseconds of a detector's steps."""
    methods = result["summary"]["methods"]
    figure, axes = subplots(2, 2, (8, 6.6), height_ratios=(5, 4))
    for ax, threshold in zip(axes[0], THRESHOLDS, strict=True):
        for number, (name, one) in enumerate(methods.items()):
            means = [value["mean"] for value in one[f"recall at {threshold}"]]
            # Beyond, most images have no more.
            shown = [count for count in COUNTS if count <= one["boxes"]["mean"]]
            look = {"color": COLOURS[number], "linestyle": DASHES[number], "label": name}
            ax.plot(shown, means[: len(shown)], **look)
        ax.set(xscale="log", xlabel="proposals an image", ylim=(0, 1.02), title=f"IoU at least {threshold}")
        ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    axes[0, 0].set_ylabel("recall")
    axes[1, 1].axis("off")
    axes[1, 1].legend(*axes[0, 0].get_legend_handles_labels(), loc="center", frameon=False, handlelength=3.5)
    draw_seconds(axes[1, 0], methods)
    return figure


def draw_seconds(ax, methods: dict) -> None:
    """One bar a method: proposing in the method's colour, then trunk and head in grey."""
    for row, one in enumerate(methods.values()):
        proposing, *rest = (1000 * part["mean"] for part in one["seconds"].values())
        ax.barh(row, proposing, color=COLOURS[row])
        ax.barh(row, sum(rest), left=proposing, color="#777777")
        ax.annotate(
            f"{proposing:.1f} + {sum(rest):.1f}",
            (proposing + sum(rest), row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    ax.set_yticks(range(len(methods)), list(methods))
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.margins(x=0.6)  # room for the longest bar's label
    ax.set(xlabel="ms an image: proposing + the rest (grey)", xlim=(0, None))
