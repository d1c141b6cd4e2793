"""A step of forward and backward of our networks beside torchvision's: the same layers, the same weights, one run."""

import time
from collections.abc import Callable

import torch
import torchvision.models as theirs
from torch import nn

from benchmarks import Result
from cnncourse import classification as ours

ROUNDS = 7  # the two take turns, and each one's fastest round counts: what slows a round is never the network
AIM = 1.05

PAIRS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], int]] = {
    "alexnet": (lambda: ours.alexnet("torchvision"), theirs.alexnet, 16),
    "vgg11": (lambda: ours.vgg(11), theirs.vgg11, 2),
    "vgg16": (lambda: ours.vgg(16), theirs.vgg16, 1),
    "googlenet": (
        lambda: ours.googlenet("torchvision"),
        lambda: theirs.googlenet(aux_logits=False, init_weights=False),
        8,
    ),
    "resnet18": (lambda: ours.resnet(18, "torchvision"), theirs.resnet18, 8),
    "resnet50": (lambda: ours.resnet(50, "torchvision"), theirs.resnet50, 4),
}


def step(model: nn.Module, images: torch.Tensor) -> float:
    """Seconds of one forward and backward pass."""
    model.zero_grad(set_to_none=True)
    start = time.perf_counter()
    model(images).square().mean().backward()
    return time.perf_counter() - start


def run() -> Result:
    """Seconds a step of both and their ratio, for each architecture."""
    rows = []
    for name, (build, build_theirs, batch) in PAIRS.items():
        mine, other = build().train(), build_theirs().train()
        mine.load_state_dict(other.state_dict())
        images = torch.randn(batch, 3, 224, 224)
        step(mine, images), step(other, images)  # memory is allocated, kernels are chosen
        times = [(step(mine, images), step(other, images)) for _ in range(ROUNDS)]
        best = [min(column) for column in zip(*times, strict=True)]
        rows.append(
            {
                "network": name,
                "batch": batch,
                "ours [s]": best[0],
                "torchvision [s]": best[1],
                "ratio": best[0] / best[1],
            }
        )
    slow = [f"{row['network']} {row['ratio']:.2f}" for row in rows if row["ratio"] > AIM]
    notes = [f"The aim is a ratio of at most {AIM}; the fastest of {ROUNDS} rounds counts for each."]
    notes += [f"Above it: {', '.join(slow)}."] if slow else []
    return Result("Forward and backward at 224 pixels, beside torchvision", rows, notes)
