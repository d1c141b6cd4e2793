"""Windows that HOG templates learn from, of faces and of persons, and learning with hard negatives."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from cnncourse.classical.template import Template, cut_windows, detect, train_template
from cnncourse.experiments._scenes import scenes_of
from cnncourse.training.data import AnnotatedImages

FACES = 100  # the first so many of scikit-image's 200 windows; the others show no face
FACE_SIZE = (24, 24)
# Photographs of scikit-image that show no human face (one shows a cat's), to find hard negatives in.
WITHOUT_FACES = ("brick", "chelsea", "coffee", "coins", "grass", "gravel", "moon", "rocket")


# ------------------------------------------------------------------------------------------------------ faces
def photograph(name: str) -> Tensor:
    """A photograph that scikit-image ships, in grey: float ``[1, H, W]`` in [0, 1]."""
    from skimage import color, data

    pixels = getattr(data, name)()
    return torch.from_numpy(color.rgb2gray(pixels) if pixels.ndim == 3 else pixels / 255).float()[None]


def face_windows() -> tuple[Tensor, Tensor]:
    """100 faces of Labeled Faces in the Wild and 100 windows without: each ``[100, 1, 26, 26]``, margin included.

    They have 25 x 25 pixels. The inner 23 become the window, 24 wide, so that the margin is of the picture, too, and
    cells of 4 fill it: cells of the usual 8 would be 3 a side, too few to tell eyes from a mouth.
    """
    from skimage import data

    inner = torch.tensor([[1.0, 1, 24, 24]])
    pictures = torch.from_numpy(data.lfw_subset()).float()[:, None]
    windows = torch.cat([cut_windows(picture, inner, FACE_SIZE) for picture in pictures])
    return windows[:FACES], windows[FACES:]


# ---------------------------------------------------------------------------------------------------- persons
def annotated(split: str, count: int, data: str | None) -> Iterator[tuple[Tensor, dict]]:
    """Images, float ``[3, H, W]``, with their targets, one at a time."""
    samples = AnnotatedImages(scenes_of(split, count, data))
    for index in range(len(samples)):
        (image,), (target,) = samples.collate([samples[index]])
        yield image, target


def grown(boxes: Tensor, aspect: float) -> Tensor:
    """Boxes ``[N, 4]`` made wider or higher about their centres until width / height is ``aspect``."""
    center, (width, height) = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    height = torch.maximum(height, width / aspect)
    half = torch.stack((height * aspect, height), 1) / 2
    return torch.cat((center - half, center + half), 1)


def random_windows(size: tuple[int, int], aspect: float, count: int, generator: torch.Generator) -> Tensor:
    """Boxes ``[count, 4]`` of one shape in an image of ``size = (height, width)``, from a fifth to all of it."""
    highest = min(size[0], size[1] / aspect)
    height = highest * (0.2 + 0.8 * torch.rand(count, generator=generator))
    extent = torch.stack((height * aspect, height), 1)
    corner = (torch.tensor([size[1], size[0]]) - extent) * torch.rand(count, 2, generator=generator)
    return torch.cat((corner, corner + extent), 1)


def person_windows(
    samples: Iterable[tuple[Tensor, dict]],
    label: int,
    size: tuple[int, int],
    mined: int,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Windows at the objects of a class and their mirror images, four others an image without, and some such images.

    Args:
        samples: (image ``[3, H, W]``, target) for each image.
        label: of the class.
        size: height and width of the windows without margin.
        mined: images without that are kept, at most.
    """
    aspect, positives, negatives, empty = size[1] / size[0], [], [], []
    for image, target in samples:
        mine = target["labels"] == label
        boxes = grown(target["boxes"][mine & ~target["difficult"]], aspect)
        if len(boxes):
            positives.append(cut_windows(image, boxes, size))
        if not mine.any():
            boxes = random_windows(tuple(image.shape[1:]), aspect, 4, generator)
            negatives.append(cut_windows(image, boxes, size))
            empty += [image] if len(empty) < mined else []
    found = torch.cat(positives)
    return torch.cat((found, found.flip(3))), torch.cat(negatives), empty


# --------------------------------------------------------------------------------------------------- learning
def learn(
    positives: Tensor, negatives: Tensor, empty: Sequence[Tensor], rounds: int, C: float, most: int, **options
) -> list[Template]:
    """Templates learnt with 0, 1, ..., ``rounds`` rounds of hard negatives.

    Args:
        positives, negatives: windows ``[P, C, H, W]`` and ``[N, C, H, W]``, see `train_template`; so is ``C``.
        empty: images ``[C, H, W]`` without the object.
        most: windows that an image adds in a round; those with the highest score.
        options: ``cell``, and what `detect` takes.
    """
    cell = options.pop("cell", 4)
    templates = [train_template(positives, negatives, cell, C=C)]
    for _ in range(rounds):
        hard = []
        for image in empty:
            boxes, _ = detect(templates[-1], image, **options)
            hard.append(cut_windows(image, boxes[:most], templates[-1].size))
        negatives = torch.cat((negatives, *hard))
        templates.append(train_template(positives, negatives, cell, C=C))
    return templates


def listed(boxes: Tensor, scores: Tensor) -> list[list[float]]:
    """Boxes ``[N, 4]`` with their scores ``[N]``, as JSON holds them: x1, y1, x2, y2, score."""
    return [[round(value, 2) for value in row] for row in torch.cat((boxes, scores[:, None]), 1).tolist()]
