"""What the experiments on scenes share: scenes and proposals kept between runs, one fit, seconds by part.

A setting whose ``width`` is None is the course's: the embedded scenes and networks on its trunk. A number is the
papers' size: Pascal VOC by path and networks on VGG-16, this many times as wide (1 with the published ImageNet
weights, anything else untrained, for trying the code).
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cnncourse.classical.selective_search import selective_search
from cnncourse.classification import vgg
from cnncourse.classification.weights import load_published
from cnncourse.data import voc
from cnncourse.data.scenes import Settings
from cnncourse.detection.boxes import large_enough
from cnncourse.detection.metrics import evaluate_voc
from cnncourse.experiments._short import fabric_on
from cnncourse.training import zoo
from cnncourse.training.data import MEAN, STD, AnnotatedImages, open_scenes
from cnncourse.training.loop import train
from cnncourse.training.networks import CLASSES, SCENES
from cnncourse.training.recipe import Recipe
from cnncourse.training.tasks import detection_step

# One hierarchy of small first regions: on training scenes 100 proposals cover all but a few objects, in 0.04 s.
SMALL_SEARCH = {"spaces": ("hsv",), "measures": ("ctsf",), "scales": (50,), "min_size": 8}
COURSE_LIGHT = {"mean": (MEAN,) * 3, "std": (STD,) * 3}  # how the course's trunk is used to see images


# ---------------------------------------------------------------------------------------------------- the data
@functools.lru_cache(8)
def scenes_of(split: str, count: int | None, data: str | None = None, masks: bool = False) -> Sequence[tuple]:
    """`open_scenes`, composed once in each process."""
    if data is not None:
        return open_scenes(data, split, Settings(), count, masks)  # Settings' default: all of VOC's classes
    return open_scenes(None, split, SCENES, count, masks, jobs=1)


def classes_of(setting: dict) -> tuple[str, ...]:
    """The course's ten classes, or VOC's twenty."""
    return CLASSES if setting["width"] is None else voc.CLASSES


def classifier_of(setting: dict) -> nn.Module:
    """A new copy of the classifier that detectors start from."""
    if setting["width"] is None:
        return zoo.load("trunk")
    return load_published("vgg16") if setting["width"] == 1 else vgg(16, width=setting["width"])


def without_batch_norm(classifier: nn.Module) -> nn.Module:
    """The same function with each batch normalisation folded into the convolution before it; changed in place.

    Detectors see few images a step and many regions of each, too much alike to normalise by. VGG-16, which the
    papers start from, has no batch normalisation either.
    """
    folded: list[nn.Module] = []
    for layer in classifier.features.eval():
        if isinstance(layer, nn.BatchNorm2d):
            folded[-1] = fuse_conv_bn_eval(folded[-1], layer)
        else:
            folded.append(layer)
    classifier.features = nn.Sequential(*folded)
    return classifier.train()


# ---------------------------------------------------------------------------------------------------- proposals
def propose(image: np.ndarray, count: int, small: bool = True) -> Tensor:
    """Selective Search in a uint8 image ``[H, W, 3]``: at most ``count`` boxes, the most promising first."""
    pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    boxes = selective_search(pixels, **(SMALL_SEARCH if small else {}))
    return boxes[large_enough(boxes, 4 if small else 20)][:count]


class ProposedImages(AnnotatedImages):
    """Scenes with proposals; a batch is (images, proposals, targets), what `FastRCNN` and `RCNN` take.

    ``seconds`` is what the proposals of an image took.
    """

    def __init__(self, samples: Sequence[tuple], proposals: Sequence[Tensor], seconds: float):
        super().__init__(samples)
        self.proposals, self.seconds = proposals, seconds

    def __getitem__(self, index: int) -> tuple:
        return *super().__getitem__(index), self.proposals[index]

    def augment(self, sample: tuple, generator: torch.Generator) -> tuple:
        image, target, proposals = sample
        return *super().augment((image, target), generator), proposals

    def collate(self, samples: Sequence[tuple]) -> tuple:
        images, targets, proposals = zip(*samples, strict=True)
        images, targets = super().collate(list(zip(images, targets, strict=True)))
        return images, list(proposals), targets


@functools.lru_cache(8)
def proposed(split: str, scenes: int | None, data: str | None, count: int) -> ProposedImages:
    """Scenes with the first ``count`` proposals of Selective Search, found once in each process."""
    samples = scenes_of(split, scenes, data)
    start = time.process_time()
    found = [propose(sample[0], count, data is None) for sample in samples]
    return ProposedImages(samples, found, (time.process_time() - start) / len(samples))


# ----------------------------------------------------------------------------------------- training, measuring
def fit(model: nn.Module, data: AnnotatedImages, recipe: Recipe, device: str = "cpu") -> float:
    """Train a detector on the sum of its losses; returns the seconds it took."""
    clock = clock_of(device)
    start = clock()
    train(model, data, recipe, step=detection_step, fabric=fabric_on(device))
    return clock() - start


def clock_of(device: str) -> Callable[[], float]:
    """Seconds of the processor on a CPU, so that other programs do not count; of the clock elsewhere."""
    return time.process_time if device == "cpu" else time.perf_counter


@torch.no_grad()
def results_on(model: nn.Module, data: AnnotatedImages, count: int | None = None) -> list[dict[str, Tensor]]:
    """Detections of the first ``count`` images, one at a time, on the CPU; the model is left in evaluation mode.

    Returns:
        For each image ``boxes`` float ``[D, 4]``, ``labels`` int64 ``[D]`` and ``scores`` float ``[D]``.
    """
    model.eval()
    device = next(model.parameters()).device
    found = []
    for index in range(len(data) if count is None else min(count, len(data))):
        *batch, _ = data.collate([data[index]])
        batch = [[part.to(device) for part in parts] for parts in batch]
        found += [{name: rows.cpu() for name, rows in one.items()} for one in model(*batch)]
    return found


def map_of(found: Sequence[dict[str, Tensor]], data: AnnotatedImages, classes: Sequence[str]) -> float:
    """Mean average precision at an IoU of 0.5 (area), in percent, of what `results_on` gives for ``data``."""
    targets = [data[index][1] for index in range(len(data))]
    return round(100 * evaluate_voc(found, targets, len(classes) + 1)["map"].item(), 2)


@contextlib.contextmanager
def seconds_in(modules: dict[str, nn.Module], device: str = "cpu") -> Iterator[dict[str, float]]:
    """Adds up the seconds of each module's forward passes in the block, and of the whole block as ``all``."""
    seconds, started, clock = dict.fromkeys(modules, 0.0), {}, clock_of(device)

    def begin(name, *_):
        started[name] = clock()

    def end(name, *_):
        if device != "cpu":
            torch.cuda.synchronize()  # kernels run on while Python goes ahead
        seconds[name] += clock() - started[name]

    hooks = [m.register_forward_pre_hook(functools.partial(begin, name)) for name, m in modules.items()]
    hooks += [m.register_forward_hook(functools.partial(end, name)) for name, m in modules.items()]
    begin("all")
    try:
        yield seconds
    finally:
        seconds["all"] = clock() - started["all"]
        for hook in hooks:
            hook.remove()
