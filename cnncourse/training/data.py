"""What to train on, by path, as the training loop takes it: images with labels, with boxes, or with masks.

Images with labels are the embedded set, CIFAR-10's binary batches, or a folder of images by class; those with boxes
and masks are the embedded scenes, or a folder in Pascal VOC's layout.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from cnncourse.data import box_augmentation, cifar10, scenes, voc
from cnncourse.data.augmentation import random_crop, random_reflection
from cnncourse.files import FileError

MEAN, STD = 0.5, 0.25  # what images are normalised by, in all channels
Augment = Callable[[Tensor, torch.Generator], Tensor]  # uint8 [3, H, W] -> the same dtype, any size
Sample = tuple[Tensor, dict[str, Tensor]]  # an image, and what is known of it


# ---------------------------------------------------------------------------------------------- with labels
def leave_alone(image: Tensor, generator: torch.Generator) -> Tensor:
    """No augmentation: ``[3, H, W]`` -> the same."""
    return image


def crops_and_reflections(image: Tensor, generator: torch.Generator) -> Tensor:
    """A crop of the image padded by an eighth on each side, mirrored half of the time: ``[3, H, H]`` -> the same."""
    side = image.shape[-1]
    return random_reflection(random_crop(image[None], side, generator, padding=side // 8), generator)[0]


class LabelledImages:
    """Images and labels as the training loop takes them; a batch is (float ``[B, 3, H, W]``, int64 ``[B]``).

    A batch is scaled to [0, 1] and normalised: ``(x / 255 - mean) / std`` for each channel. (An augmentation may do
    the scaling itself and hand on floats.)

    Args:
        images: uint8 ``[N, H, W, 3]``, or anything with a length whose items are uint8 ``[H, W, 3]``.
        labels: int64 ``[N]``.
        augmentation: for training only; evaluation never uses it.
        mean, std: three numbers in [0, 1].

    Raises:
        ValueError: not as many labels as images.
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Sequence[int],
        augmentation: Augment = leave_alone,
        mean: Sequence[float] = (MEAN,) * 3,
        std: Sequence[float] = (STD,) * 3,
    ):
        if len(images) != len(labels):
            raise ValueError(f"There are {len(images)} images but {len(labels)} labels.")
        self.images, self.labels, self.augmentation = images, labels, augmentation
        self.mean, self.std = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.from_numpy(self.images[index]).permute(2, 0, 1), int(self.labels[index])

    def augment(self, sample: tuple[Tensor, int], generator: torch.Generator) -> tuple[Tensor, int]:
        """An image uint8 ``[3, H, W]`` and its label -> the image augmented, and the label."""
        image, label = sample
        return self.augmentation(image, generator), label

    def collate(self, samples: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
        """A batch: images float ``[B, 3, H, W]``, labels int64 ``[B]``."""
        images, labels = zip(*samples, strict=True)
        batch = torch.stack(images)
        if not batch.is_floating_point():
            batch = batch.float() / 255
        return (batch - self.mean) / self.std, torch.tensor(labels)


class ImageFiles:
    """A sequence of uint8 ``[H, W, 3]`` read from files on demand and brought to one size by ``prepare``.

    An item raises FileError where its file is not a readable image.
    """

    def __init__(self, paths: Sequence[Path], prepare: Callable[[Image.Image], Image.Image]):
        self.paths, self.prepare = paths, prepare

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        try:
            with Image.open(self.paths[index]) as image:
                return np.array(self.prepare(image.convert("RGB")))
        except OSError as error:
            raise FileError(f"{self.paths[index]} is not a readable image: {error}") from error


ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm"}


def image_folder(root: str | os.PathLike, side: int) -> tuple[ImageFiles, np.ndarray, tuple[str, ...]]:
    """ImageNet's layout, a folder for each class.

    Returns:
        Images uint8 ``[side, side, 3]`` (centre crops), labels int64 ``[N]``, names of the classes.

    Raises:
        FileError: no such folder, no class folders, or a class without images; says which.
    """
    root = Path(root)
    classes = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    if not classes:
        raise FileError(f"{root} has no folders, one for each class, with images in them.")
    paths, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(path for path in (root / name).rglob("*") if path.suffix.lower() in ENDINGS)
        if not found:
            raise FileError(f"{root / name} holds no images ({', '.join(sorted(ENDINGS))}).")
        paths += found
        labels += [label] * len(found)
    return ImageFiles(paths, lambda image: _centre_square(image, side)), np.array(labels), tuple(classes)


def _centre_square(image: Image.Image, side: int) -> Image.Image:
    """The shorter side to ``side``, then the middle."""
    scale = side / min(image.size)
    width, height = (max(round(extent * scale), side) for extent in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    return image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + side, top + side))


def open_images(
    data: str | os.PathLike | None, split: str, side: int = 32, count: int | None = None
) -> tuple[Sequence[np.ndarray], np.ndarray, tuple[str, ...]]:
    """Images (uint8 ``[H, W, 3]`` each), labels (int64 ``[N]``) and class names of a split.

    Args:
        data: None for the embedded set; a folder of CIFAR-10's binary batches; or a folder that holds a folder
            for each split (``train``, ``val``, ...), in ImageNet's layout.
        split: "train" or "test" (and the embedded set's others), or the name of a folder.
        side: what a folder's images are brought to; the others are 32 x 32.
        count: the first so many only.

    Raises:
        ValueError: a data set of known splits has no such split, or fewer images.
        FileError: a folder or file is missing, damaged or empty.
    """
    folder = None if data is None else Path(data)
    if folder is not None and not any(folder.rglob("*_batch*.bin")):
        images, labels, classes = image_folder(folder / split, side)
        return ImageFiles(images.paths[:count], images.prepare), labels[:count], classes
    images, labels = cifar10.load(split, count, folder)
    return images, labels, cifar10.CLASSES


# ------------------------------------------------------------------------------------------ with boxes, with masks
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
        """The image uint8 ``[3, H, W]`` and its target, augmented; difficult objects are left out."""
        image, target = sample
        target = {name: rows[~target["difficult"]] for name, rows in target.items()}
        if self.augmentation is None:
            return image, target
        return box_augmentation.apply(self.augmentation, image, target, generator)

    def collate(self, samples: Sequence[Sample]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        """A batch: images float ``[3, H, W]`` in [0, 1], targets."""
        images, targets = zip(*samples, strict=True)
        return [image.float() / 255 for image in images], list(targets)


class MaskedImages:
    """Images and masks as the training loop takes them; a batch is (float ``[B, 3, H, W]``, int64 ``[B, H, W]``).

    Args:
        samples: an image, uint8 ``[H, W, 3]``, comes first and its mask, uint8 ``[H, W]``, last in each: 0 is the
            background, 255 void. Images of one batch have one size, so photographs go one at a time.
        flip: whether training mirrors half of them.
    """

    def __init__(self, samples: Sequence[tuple], flip: bool = False):
        self.samples, self.flip = samples, flip

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, *_, mask = self.samples[index]
        return torch.from_numpy(image).permute(2, 0, 1), torch.from_numpy(mask)

    def augment(self, sample: tuple[Tensor, Tensor], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Image uint8 ``[3, H, W]`` and mask uint8 ``[H, W]``, mirrored together or left alone."""
        mirrored = self.flip and torch.rand((), generator=generator) < 0.5
        return tuple(part.flip(-1) for part in sample) if mirrored else sample

    def collate(self, samples: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """A batch: images float ``[B, 3, H, W]``, normalised; masks int64 ``[B, H, W]``."""
        images, masks = (torch.stack(parts) for parts in zip(*samples, strict=True))
        return normalised(images), masks.long()


def normalised(images: Tensor) -> Tensor:
    """Values in [0, 255] as networks take them, (x / 255 - 0.5) / 0.25: ``[..., H, W]`` -> float, the same shape."""
    return (images.float() / 255 - MEAN) / STD


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

    Returns:
        Images uint8 ``[H, W, 3]``, `cnncourse.data.voc.Annotation`, masks uint8 ``[H, W]``: 0 background, 255 void.

    Raises:
        ValueError: no count for scenes, or no such split of them.
        FileError: no such folder or list, or it lists no images.
    """
    if data is None:
        if count is None:
            raise ValueError("There are as many scenes as one asks for: say how many.")
        composed = scenes.compose_many(split, count, settings, jobs=jobs)
        return [(scene.image, scene.annotation, *([scene.mask] if masks else [])) for scene in composed]
    folder = voc.VOC(data, split, settings.classes, masks)
    folder.ids = folder.ids[:count]
    if not folder.ids:
        raise FileError(f"The split {split!r} of {data} lists no images.")
    return folder
