"""Images to train on, by path: the embedded set, CIFAR-10's binary batches, or a folder of images by class."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cnncourse.data import cifar10
from cnncourse.training.checkpoints import TrainingError

Augment = Callable[[Tensor, torch.Generator], Tensor]  # uint8 [3, H, W] -> the same dtype, any size


def leave_alone(image: Tensor, generator: torch.Generator) -> Tensor:
    """No augmentation."""
    return image


class LabelledImages:
    """Images and labels as the training loop takes them; a batch is (float ``[B, 3, H, W]``, int64 ``[B]``).

    A batch is scaled to [0, 1] and normalised: ``(x / 255 - mean) / std`` for each channel. (An augmentation may do
    the scaling itself and hand on floats.)

    Args:
        images: uint8 ``[N, H, W, 3]``, or anything with a length whose items are uint8 ``[H, W, 3]``.
        labels: int64 ``[N]``.
        augmentation: for training only; evaluation never uses it.
        mean, std: three numbers in [0, 1].
    """

    def __init__(
        self,
        images: Sequence[np.ndarray],
        labels: Sequence[int],
        augmentation: Augment = leave_alone,
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.25, 0.25, 0.25),
    ):
        if len(images) != len(labels):
            raise TrainingError(f"There are {len(images)} images but {len(labels)} labels.")
        self.images, self.labels, self.augmentation = images, labels, augmentation
        self.mean, self.std = (torch.tensor(values).view(3, 1, 1) for values in (mean, std))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.from_numpy(self.images[index]).permute(2, 0, 1), int(self.labels[index])

    def augment(self, sample: tuple[Tensor, int], generator: torch.Generator) -> tuple[Tensor, int]:
        image, label = sample
        return self.augmentation(image, generator), label

    def collate(self, samples: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
        images, labels = zip(*samples, strict=True)
        batch = torch.stack(images)
        if not batch.is_floating_point():
            batch = batch.float() / 255
        return (batch - self.mean) / self.std, torch.tensor(labels)


class ImageFiles:
    """A sequence of uint8 ``[H, W, 3]`` read from files on demand and brought to one size by ``prepare``."""

    def __init__(self, paths: Sequence[Path], prepare: Callable[[Image.Image], Image.Image]):
        self.paths, self.prepare = paths, prepare

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        try:
            with Image.open(self.paths[index]) as image:
                return np.array(self.prepare(image.convert("RGB")))
        except OSError as error:
            raise TrainingError(f"{self.paths[index]} is not a readable image: {error}") from error


ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm"}


def image_folder(root: str | os.PathLike, side: int) -> tuple[ImageFiles, np.ndarray, tuple[str, ...]]:
    """ImageNet's layout, a folder for each class: images (centre crops, ``side`` square), labels, class names.

    Raises:
        TrainingError: no such folder, no class folders, or a class without images; says which.
    """
    root = Path(root)
    classes = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    if not classes:
        raise TrainingError(f"{root} has no folders, one for each class, with images in them.")
    paths, labels = [], []
    for label, name in enumerate(classes):
        found = sorted(path for path in (root / name).rglob("*") if path.suffix.lower() in ENDINGS)
        if not found:
            raise TrainingError(f"{root / name} holds no images ({', '.join(sorted(ENDINGS))}).")
        paths += found
        labels += [label] * len(found)
    return ImageFiles(paths, lambda image: _centre_square(image, side)), np.array(labels), tuple(classes)


def _centre_square(image: Image.Image, side: int) -> Image.Image:
    """The shorter side to ``side``, then the middle."""
    scale = side / min(image.size)
    width, height = (max(round(extent * scale), side) for extent in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    return image.resize((width, height), Image.Resampling.BILINEAR).crop((left, top, left + side, top + side))


def open_images(data: str | os.PathLike | None, split: str, side: int = 32, count: int | None = None):
    """Images, labels and class names of a split.

    Args:
        data: None for the embedded set; a folder of CIFAR-10's binary batches; or a folder that holds a folder
            for each split (``train``, ``val``, ...), in ImageNet's layout.
        split: "train" or "test" (and the embedded set's others), or the name of a folder.
        side: what a folder's images are brought to; the others are 32 x 32.
        count: the first so many only.
    """
    folder = None if data is None else Path(data)
    if folder is not None and not any(folder.rglob("*_batch*.bin")):
        images, labels, classes = image_folder(folder / split, side)
        return ImageFiles(images.paths[:count], images.prepare), labels[:count], classes
    images, labels = cifar10.load(split, count, folder)
    return images, labels, cifar10.CLASSES
