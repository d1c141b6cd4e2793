"""How much do skips to finer maps sharpen a segmentation, and how much does training the trunk matter?

FCN-32s with only its last layer trained, FCN-32s, 16s and 8s, from the same trained trunk; the paper's four measures
on test scenes. The two at stride 32, whose few scores have to teach the layers below them, see more than twice as
many images as the others: what they lack behind these is not training. Beside them the ceiling: the truth itself,
known at every 32nd, 16th, 8th pixel only and interpolated.
"""

import torch

from cnncourse.experiments._scenes import classifier_of, scenes_of
from cnncourse.experiments.segmentation._segmented import (
    FULL,
    SHORT,
    classes_in,
    draw_masks,
    draw_scores,
    good_and_bad,
    measured,
    seen_by,
    summary_of,
    test_images,
)
from cnncourse.training import zoo
from cnncourse.training.data import MaskedImages
from cnncourse.training.networks import fcn
from cnncourse.training.tasks import ceiling

LECTURE = ("S9",)
SKIPS = {"32s-fixed": 0, "32s": 0, "16s": 1, "8s": 2}
STRIDES = (32, 16, 8)
LONGER = {**SHORT, "images": 1800, "epochs": 7, "batch": 16}
# For each the better of these two learning rates.
SIZES = {"32s-fixed": {**LONGER, "lr": 5e-3}, "32s": LONGER}
STEPS = (("32s", "32s-fixed"), ("16s", "32s"), ("8s", "16s"))  # the claimed differences


def settings(scale: str) -> list[dict]:
    runs = [*((name, seed) for seed in range(3) for name in SKIPS), *((f"ceiling {n}", 0) for n in STRIDES)]
    return [
        {"network": name, "seed": seed, **(FULL if scale == "full" else SIZES.get(name, SHORT))}
        for name, seed in runs
    ]


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """The four measures on test images, in percent."""
    name, _, stride = setting["network"].partition(" ")
    if name == "ceiling":
        return ceiling(test_images(setting, data), int(stride), classes_in(setting))
    torch.manual_seed(setting["seed"])
    model = fcn(SKIPS[name], classifier_of(setting), name == "32s-fixed", classes_in(setting))
    return measured(model, setting, data, device)


def summary(rows: list[dict]) -> dict:
    """The measures of each network over its seeds and of each ceiling, and the claimed differences by seed."""
    return summary_of(rows, STEPS)


def pictures(result: dict) -> dict:
    """Test scenes as the stored FCN-32s, 16s and 8s see them, beside the truth: three levels of sharpness."""
    images = MaskedImages(scenes_of("test", 200, masks=True))
    chosen = good_and_bad(images)
    names = {"FCN-32s": "fcn32s", "FCN-16s": "fcn16s", "FCN-8s": "fcn8s"}
    some = MaskedImages([images.samples[index] for index in chosen])
    seen = {title: seen_by(zoo.load(name), some) for title, name in names.items()}
    return {"sharpness": draw_masks(images, chosen, seen)}


def draw(result: dict):
    """Mean IU of every run, beside the ceiling of its stride."""
    ceilings = [result["summary"][f"ceiling {name.split('s')[0]}"]["mean_iu"]["mean"] for name in SKIPS]
    labels = {name: f"FCN-{name}".replace("s-", "s\n") for name in SKIPS}
    return draw_scores(result["runs"], labels, ceilings)
