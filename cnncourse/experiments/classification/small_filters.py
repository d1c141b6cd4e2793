"""Are three 3x3 convolutions better than one 7x7 of the same reach?

Two networks that differ in this alone: after a first convolution and a pooling, one layer of 7x7 filters, or three of
3x3 with the same number of channels, each with its ReLU; then global average pooling and a linear layer.
"""

import torch
from torch import nn

from cnncourse.classification.profile import profile, total
from cnncourse.classification.vgg import stacked_convolutions
from cnncourse.experiments._short import error_of, fit, images_of
from cnncourse.experiments.statistics import paired, spread
from cnncourse.training.recipe import Recipe

LECTURE = ("A8",)
MIDDLES = {"one 7x7": (7, 1), "three 3x3": (3, 3)}


def settings(scale: str) -> list[dict]:
    images, epochs, channels = {"cpu": (6000, 12, 32), "full": (50_000, 60, 128)}[scale]
    return [
        {"seed": seed, "middle": middle, "images": images, "epochs": epochs, "channels": channels}
        for seed in range(5)
        for middle in MIDDLES
    ]


def network(middle: str, channels: int) -> nn.Sequential:
    """From float ``[B, 3, 32, 32]`` to ten logits."""
    kernel, layers = MIDDLES[middle]
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        stacked_convolutions(channels, kernel, layers),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, 10),
    )


def run(setting: dict, data=None, device: str = "cpu") -> dict:
    """Test and training error, and what the network costs."""
    torch.manual_seed(setting["seed"])
    model = network(setting["middle"], setting["channels"])
    parameters, products = total(profile(model, 32))
    recipe = Recipe(setting["epochs"], 64, 2e-3, "adam", schedule="cosine", seed=setting["seed"])
    history = fit(model, images_of("train", setting["images"], 32, data), recipe, device)
    test = images_of("test", None if setting["images"] == 50_000 else 2000, 32, data)
    return {
        "parameters": parameters,
        "multiply_accumulates": products,
        "training_error": round(100 * history[-1]["error"], 3),
        "test_error": error_of(model, test, device),
    }


def summary(rows: list[dict]) -> dict:
    """Costs and errors of both, and the difference in test error paired by seed."""
    found = {}
    for middle in MIDDLES:
        mine = [row for row in rows if row["middle"] == middle]
        found[middle] = {
            "parameters": mine[0]["parameters"],
            "multiply_accumulates": mine[0]["multiply_accumulates"],
            "training_error": spread([row["training_error"] for row in mine]),
            "test_error": spread([row["test_error"] for row in mine]),
        }
    found["three minus one"] = paired(rows, "middle", "test_error", "three 3x3", "one 7x7")
    return found


def draw(result: dict):
    """Test error of each seed, the two networks side by side."""
    from cnncourse.experiments._short import draw_pairs

    return draw_pairs(result["runs"], "middle", list(MIDDLES), "test_error", "test error [%]")
