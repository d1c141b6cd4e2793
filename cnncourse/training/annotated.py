"""Images with boxes to train detectors on, by path: the embedded scenes, or a folder in Pascal VOC's layout."""

import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from cnncourse.data import box_augmentation, scenes, voc
from cnncourse.training.checkpoints import TrainingError

Sample = tuple[Tensor, dict[str, Tensor]]


class AnnotatedImages:
    """Images and boxes as the training loop and the detectors take them.

    A batch is (list of float ``[3, H, W]`` in [0, 1], list of targets). A target has ``boxes`` float32 ``[N, 4]``,
    ``labels`` int64 ``[N]`` from 1 and ``difficult`` bool ``[N]``; in training difficult objects are left out.

    Args:
        samples: pairs of an image, uint8 ``[H, W, 3]``, and its `cnncourse.data.voc.Annotation`.
        augmentation: for training only, a transform for `cnncourse.data.box_augmentation.apply`.
    """

    def __init__(
        self, samples: Sequence[tuple[np.ndarray, voc.Annotation]], augmentation: v2.Transform | None = None
    ):
        self.samples, self.augmentation = samples, augmentation

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        image, annotation = self.samples[index]
        target = {
            "boxes": torch.from_numpy(annotation.boxes),
            "labels": torch.from_numpy(annotation.labels) + 1,
            "difficult": torch.from_numpy(annotation.difficult),
        }
        return torch.from_numpy(image).permute(2, 0, 1), target

    def augment(self, sample: Sample, generator: torch.Generator) -> Sample:
        image, target = sample
        target = {name: rows[~target["difficult"]] for name, rows in target.items()}
        if self.augmentation is None:
            return image, target
        return box_augmentation.apply(self.augmentation, image, target, generator)

    def collate(self, samples: Sequence[Sample]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        images, targets = zip(*samples, strict=True)
        return [image.float() / 255 for image in images], list(targets)


def open_scenes(
    data: str | os.PathLike | None,
    split: str,
    settings: scenes.Settings,
    count: int | None = None,
    masks: bool = False,
    jobs: int | None = None,
) -> Sequence[tuple]:
    """The first ``count`` images of a split, each (image, annotation) or, with masks, (image, annotation, mask).

    Args:
        data: None for the embedded scenes, or the folder of a data set in VOC's layout, read on demand.
        split: of the embedded scenes ("train", "test", ...), or the name of a list in ``ImageSets/Main`` (with
            masks, in ``ImageSets/Segmentation``).
        settings: what scenes look like; of a folder, ``settings.classes`` says which objects count.
        count: all of the folder's when None; the embedded scenes go on for ever.
        jobs: processes that compose scenes; by default one a core.

    Raises:
        TrainingError: no count for scenes, or a folder that has no images in this split.
    """
    if data is None:
        if count is None:
            raise TrainingError("There are as many scenes as one asks for: say how many.")
        composed = scenes.compose_many(split, count, settings, jobs=jobs)
        return [(scene.image, scene.annotation, *([scene.mask] if masks else [])) for scene in composed]
    folder = voc.VOC(data, split, settings.classes, masks)
    folder.ids = folder.ids[:count]
    if not folder.ids:
        raise TrainingError(f"The split {split!r} of {data} lists no images.")
    return folder
