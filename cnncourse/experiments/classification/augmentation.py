"""What does each of AlexNet's augmentations bring, and what do ten crops bring at test time?

AlexNet at course size on 28-pixel pieces of 32-pixel images. Each augmentation is left out and put in, with the same
seeds; every network is tested with the middle piece and with ten crops, and once more in another light.
"""

import numpy as np
import torch

from cnncourse.classification import alexnet
from cnncourse.classification.layers import Conv
from cnncourse.data import difficulties
from cnncourse.data.augmentation import (
    predict_ten_crops,
    principal_colours,
    random_colour,
    random_crop,
    random_reflection,
)
from cnncourse.data.preprocessing import center_crop
from cnncourse.experiments._short import fit, images_of
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training.data import LabelledImages
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, VERMILLION, subplots

LECTURE = ("A4",)
SIDE = 28  # of 32 pixels, as the paper takes 224 of 256
KINDS = {
    "none": (),
    "reflections": ("reflection",),
    "crops": ("crop",),
    "crops, reflections": ("crop", "reflection"),
    "crops, reflections, colour": ("crop", "reflection", "colour"),
}


def settings(scale: str) -> list[dict]:
    images, epochs, width = {"cpu": (1500, 20, 0.125), "full": (50_000, 100, 0.5)}[scale]
    return [
        {"seed": seed, "kind": kind, "images": images, "epochs": epochs, "width": width}
        for seed in range(5)
        for kind in KINDS
    ]


def augmentation(kind: str, values: torch.Tensor, directions: torch.Tensor):
    """The augmentation of one image, uint8 ``[3, 32, 32]`` -> ``[3, 28, 28]``, uint8 or float in [0, 1]."""

    def augment(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        images = image[None]
        crop = "crop" in KINDS[kind]
        images = random_crop(images, SIDE, generator) if crop else center_crop(images, SIDE)
        if "reflection" in KINDS[kind]:
            images = random_reflection(images, generator)
        if "colour" in KINDS[kind]:
            # By standard deviations, as the authors' code does; in [0, 1] variances would shift next to nothing.
            images = random_colour(images.float() / 255, values.sqrt(), directions, generator, deviation=0.5)
        return images[0]

    return augment


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Test errors in percent: middle piece and ten crops, as they are and in another light."""
    images = images_of("train", setting["images"], 32, data)
    sample = torch.from_numpy(images.images[:1000]).permute(0, 3, 1, 2).float() / 255
    images.augmentation = augmentation(setting["kind"], *principal_colours(sample))
    torch.manual_seed(setting["seed"])
    stem = Conv(96, 5, stride=2, padding=3)
    model = alexnet(width=setting["width"], stem=stem, input_size=SIDE, classes=10)
    recipe = Recipe(setting["epochs"], 64, 2e-3, "adam", schedule="cosine", seed=setting["seed"])
    history = fit(model, images, recipe, device)
    test = images_of("test", None if setting["images"] == 50_000 else 1000, 32, data)
    lit = [difficulties.illumination(image, 1.0, seed) for seed, image in enumerate(test.images)]
    measures = {"training_error": round(100 * history[-1]["error"], 3)}
    for name, pictures in (("", test), ("lit_", LabelledImages(np.stack(lit), test.labels))):
        measures |= {f"{name}{how}": error for how, error in test_errors(model, pictures, device).items()}
    return measures


@torch.no_grad()
def test_errors(model: torch.nn.Module, data: LabelledImages, device: str = "cpu") -> dict[str, float]:
    """Errors in percent with the middle piece (``one``) and with the mean probability of ten crops (``ten``)."""
    model.eval()
    wrong = {"one": 0, "ten": 0}
    for start in range(0, len(data), 250):
        images, labels = data.collate([data[i] for i in range(start, min(start + 250, len(data)))])
        images = images.to(device)
        one = model(center_crop(images, SIDE)).cpu()
        ten = predict_ten_crops(model, images, SIDE).cpu()
        wrong["one"] += int((one.argmax(1) != labels).sum())
        wrong["ten"] += int((ten.argmax(1) != labels).sum())
    return {how: round(100 * count / len(data), 3) for how, count in wrong.items()}


def summary(rows: list[dict]) -> dict:
    """Errors of each kind, and the differences that the lecture claims, paired by seed."""
    found = {}
    for kind in KINDS:
        mine = [row for row in rows if row["kind"] == kind]
        found[kind] = {
            name: spread([row[name] for row in mine]) for name in ("one", "ten", "lit_one", "lit_ten")
        }
    both, colour = "crops, reflections", "crops, reflections, colour"
    found["differences"] = {
        "reflections minus none": paired(rows, "kind", "one", "reflections", "none"),
        "crops minus none": paired(rows, "kind", "one", "crops", "none"),
        "crops, reflections minus none": paired(rows, "kind", "one", both, "none"),
        "colour minus without": paired(rows, "kind", "one", colour, both),
        "colour minus without, other light": paired(rows, "kind", "lit_one", colour, both),
        "ten minus one, crops, reflections": spread(
            [row["ten"] - row["one"] for row in rows if row["kind"] == both]
        ),
    }
    return found


def draw(result: dict):
    """Test errors with the middle piece: of every seed, their means as lines; as they are, and in another light."""
    figure, ((axes,),) = subplots(size=(6.4, 4.2))
    shown = (("one", -0.15, "o", BLUE, "test images"), ("lit_one", 0.15, "s", VERMILLION, "in another light"))
    for measure, offset, mark, colour, label in shown:
        for place, kind in enumerate(KINDS):
            values = [row[measure] for row in result["runs"] if row["kind"] == kind]
            axes.plot(
                [place + offset] * len(values), values, mark, color=colour, ms=5, alpha=0.6, label=label
            )
            mean = sum(values) / len(values)
            axes.plot([place + offset - 0.13, place + offset + 0.13], [mean, mean], color=colour, linewidth=3)
            label = None
    axes.set_xticks(range(len(KINDS)), [kind.replace(", ", ",\n") for kind in KINDS])
    axes.set(ylabel="test error [%]", xlim=(-0.5, len(KINDS) - 0.5))
    axes.grid(False, axis="x")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
