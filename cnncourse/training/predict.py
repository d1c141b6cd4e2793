"""Trained networks on photographs: a picture of what was found in each, and all of it in COCO's result format."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from PIL import Image, ImageOps
from torch import Tensor, nn

from cnncourse.files import FileError, write_beside, write_json
from cnncourse.training import zoo
from cnncourse.training.checkpoints import load_weights
from cnncourse.training.data import ENDINGS, normalised
from cnncourse.training.networks import SIDE
from cnncourse.visualize.scenes import boxes_figure, mask_figure


class Outcome(NamedTuple):
    """What became of the files: pictures written, and (file, why) of those that were skipped."""

    pictures: list[Path]
    skipped: list[tuple[Path, str]]


def trained(name: str, kinds: Mapping[str, object], weights: str | os.PathLike | None = None) -> nn.Module:
    """A network of the zoo with the course's weights or those of a file, in evaluation mode.

    Args:
        kinds: which names will do.
        weights: safetensors; None for the course's.

    Raises:
        ValueError: another name.
        FileError: weights that are missing, damaged or of another network.
    """
    if name not in kinds:
        raise ValueError(f"{name!r} is none of {', '.join(kinds)}.")
    if weights is None:
        return zoo.load(name)
    model = zoo.untrained(name)
    load_weights(weights, model)
    return model.eval()


def photographs(paths: Sequence[str | os.PathLike]) -> list[Path]:
    """The files among ``paths``, and of each folder the images below it, in the order of their names."""
    found = []
    for path in map(Path, paths):
        inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)
        found += inside if path.is_dir() else [path]
    return found


def read_photograph(file: Path) -> np.ndarray:
    """uint8 ``[H, W, 3]``, upright.

    Raises:
        FileError: the file is missing or is not a readable image.
    """
    try:
        with Image.open(file) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError:
        raise FileError("there is no such file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FileError(f"not a readable image ({error})") from error


# An image to COCO's rows, but for image_id, and a picture.
Look = Callable[[np.ndarray], tuple[list[dict], Figure]]


def detect_files(
    model: nn.Module,
    classes: Sequence[str],
    paths: Sequence[str | os.PathLike],
    folder: str | os.PathLike,
    threshold: float = 0.5,
) -> Outcome:
    """Detect in photographs and write to ``folder``.

    Written are a picture of each (``NAME.png``, boxes with class and score), ``results.json``, a list in COCO's
    result format, and ``images.json``, to which its numbers refer: images and categories as COCO lists them, so that
    pycocotools loads the two together.

    Args:
        model: in evaluation mode, on any device; detections as all of the course's detectors give them.
        classes: without the background.
        paths: images, or folders of them. What cannot be read is skipped.
        threshold: the smallest score that counts.

    Raises:
        FileError: a picture or a list cannot be written.
    """

    def look(image: np.ndarray) -> tuple[list[dict], Figure]:
        found = _confident(model([_batch(image, model)[0]])[0], threshold)
        return _boxes_of_coco(found), _boxes_picture(image, found, classes)

    return _write_all(look, classes, paths, folder)


def segment_files(
    model: nn.Module,
    classes: Sequence[str],
    paths: Sequence[str | os.PathLike],
    folder: str | os.PathLike,
    side: int = SIDE,
) -> Outcome:
    """Segment photographs and write to ``folder`` what `detect_files` writes: of each class its mask.

    Args:
        model: in evaluation mode; normalised images ``[B, 3, H, W]`` to scores ``[B, 1 + classes, H, W]``.
        side: the shorter side that the network sees, in pixels; its scores are enlarged to the photograph's size.

    Raises:
        FileError: a picture or a list cannot be written.
    """

    def look(image: np.ndarray) -> tuple[list[dict], Figure]:
        batch = normalised(255 * _batch(image, model))
        small = [max(1, round(extent * side / min(batch.shape[2:]))) for extent in batch.shape[2:]]
        scores = model(F.interpolate(batch, small, mode="bilinear", antialias=True, align_corners=False))
        scores = F.interpolate(scores, batch.shape[2:], mode="bilinear", align_corners=False)
        probability, mask = scores.softmax(1).max(1)
        mask, probability = mask[0].cpu().numpy(), probability[0].cpu().numpy()
        return _masks_of_coco(mask, probability), _mask_picture(image, mask, classes)

    return _write_all(look, classes, paths, folder)


@torch.no_grad()
def _write_all(look: Look, classes: Sequence[str], paths: Sequence, folder: str | os.PathLike) -> Outcome:
    folder = Path(folder)
    pictures, skipped, images, results = [], [], [], []
    for file in photographs(paths):
        try:
            image = read_photograph(file)
        except FileError as error:
            skipped.append((file, str(error)))
            continue
        rows, figure = look(image)
        images.append(_image_entry(len(images) + 1, file, image))
        results += [{"image_id": images[-1]["id"], **row} for row in rows]
        pictures.append(_free_name(folder / f"{file.stem}.png", pictures))
        write_beside(pictures[-1], lambda part, figure=figure: figure.savefig(part, format="png"))
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    write_json(folder / "images.json", {"images": images, "categories": categories})
    write_json(folder / "results.json", results)
    return Outcome(pictures, skipped)


def _batch(image: np.ndarray, model: nn.Module) -> Tensor:
    """``[1, 3, H, W]`` in [0, 1], where the model is."""
    pixels = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    return pixels[None].to(next(model.parameters()).device)


def _confident(found: dict[str, Tensor], threshold: float) -> dict[str, Tensor]:
    return {name: rows[found["scores"] >= threshold].cpu() for name, rows in found.items()}


def _image_entry(number: int, file: Path, image: np.ndarray) -> dict:
    return {"id": number, "file_name": str(file), "height": image.shape[0], "width": image.shape[1]}


def _boxes_of_coco(found: dict[str, Tensor]) -> list[dict]:
    """COCO's boxes are x, y, width, height."""
    rows = zip(found["boxes"].tolist(), found["labels"].tolist(), found["scores"].tolist(), strict=True)
    return [
        {
            "category_id": label,
            "bbox": [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)],
            "score": round(score, 5),
        }
        for (x1, y1, x2, y2), label, score in rows
    ]


def _masks_of_coco(mask: np.ndarray, probability: np.ndarray) -> list[dict]:
    """For each class seen its mask, run-length encoded as COCO does, and the mean probability in it."""
    from pycocotools.mask import encode

    rows = []
    for label in np.unique(mask[mask > 0]).tolist():
        runs = encode(np.asfortranarray(mask == label, np.uint8))
        coded = {"size": list(runs["size"]), "counts": runs["counts"].decode("ascii")}
        score = round(float(probability[mask == label].mean()), 5)
        rows.append({"category_id": label, "segmentation": coded, "score": score})
    return rows


def _free_name(file: Path, taken: Sequence[Path]) -> Path:
    """Two photographs of one name in two folders get two pictures."""
    name, number = file, 2
    while name in taken:
        name, number = file.with_stem(f"{file.stem}-{number}"), number + 1
    return name


def _boxes_picture(image: np.ndarray, found: dict[str, Tensor], classes: Sequence[str]) -> Figure:
    rows = zip(found["labels"].tolist(), found["scores"].tolist(), strict=True)
    names = [f"{classes[label - 1]} {score:.2f}" for label, score in rows]
    return boxes_figure(image, found["boxes"].tolist(), names)


def _mask_picture(image: np.ndarray, mask: np.ndarray, classes: Sequence[str]) -> Figure:
    return mask_figure(image, mask, names={number: name for number, name in enumerate(classes, 1)})
