"""What the short trainings of the experiments share: a part of a data set at a small size, and one fit."""

import numpy as np
import torch
from lightning_fabric import Fabric
from matplotlib.figure import Figure
from torch import nn

from cnncourse.training.data import LabelledImages, leave_alone, open_images
from cnncourse.training.loop import evaluate, train
from cnncourse.training.recipe import Recipe
from cnncourse.visualize.figure import BLUE, subplots


def halved(images: np.ndarray) -> np.ndarray:
    """Every 2 x 2 pixels averaged: uint8 ``[N, H, W, 3]`` -> uint8 ``[N, H/2, W/2, 3]``."""
    count, height, width, channels = images.shape
    blocks = images.reshape(count, height // 2, 2, width // 2, 2, channels)
    return (blocks.mean(axis=(2, 4)) + 0.5).astype(np.uint8)


def images_of(
    split: str, count: int | None, side: int, data=None, augmentation=leave_alone
) -> LabelledImages:
    """The first ``count`` images of a split, 32 or 16 pixels a side."""
    images, labels, _ = open_images(data, split, 32, count)
    if side == 16:
        images = halved(images)
    return LabelledImages(images, labels, augmentation)


def fabric_on(device: str) -> Fabric:
    """One process on a device."""
    return Fabric(accelerator="cuda" if device.startswith("cuda") else "cpu", devices=1)


def fit(model: nn.Module, data: LabelledImages, recipe: Recipe, device: str = "cpu") -> list[dict]:
    """Train a model on a device; returns the history."""
    return train(model, data, recipe, fabric=fabric_on(device))


def error_of(model: nn.Module, data: LabelledImages, device: str = "cpu") -> float:
    """Top-1 error on all of ``data``, in percent."""
    return round(100 * evaluate(model, data, fabric=fabric_on(device))["error"], 3)


@torch.no_grad()
def logits_of(model: nn.Module, images: torch.Tensor, batch_size: int = 500) -> torch.Tensor:
    """The model's scores of normalised images ``[N, 3, H, W]``, in evaluation mode, on the CPU."""
    model.eval()
    device = next(model.parameters()).device
    return torch.cat([model(part.to(device)).cpu() for part in images.split(batch_size)])


def hog_features(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients of uint8 ``[N, 32, 32, 3]``: float32 ``[N, 1764]``."""
    from skimage.feature import hog

    cells = {"orientations": 9, "pixels_per_cell": (4, 4), "cells_per_block": (2, 2), "block_norm": "L2-Hys"}
    return np.stack([hog(image, channel_axis=-1, **cells) for image in images]).astype(np.float32)


def hog_classifier(images: np.ndarray, labels: np.ndarray, seed: int):
    """A linear SVM on HOG, fitted to uint8 ``[N, 32, 32, 3]`` and int64 ``[N]``; ``predict`` takes features."""
    from sklearn.svm import LinearSVC

    return LinearSVC(C=0.1, dual="auto", random_state=seed, max_iter=3000).fit(hog_features(images), labels)


def draw_pairs(rows: list[dict], key: str, choices: list, measure: str, label: str) -> Figure:
    """A measure of every run, one column a choice, runs of one seed joined by a line."""
    figure, ((axes,),) = subplots(size=(5.4 + 0.6 * len(choices), 3.6))
    of = {choice: {row["seed"]: row[measure] for row in rows if row[key] == choice} for choice in choices}
    for seed in sorted(of[choices[0]]):
        axes.plot(range(len(choices)), [of[choice][seed] for choice in choices], "o-", color=BLUE, alpha=0.6)
    axes.set_xticks(range(len(choices)), [str(choice) for choice in choices])
    axes.set(ylabel=label, xlim=(-0.4, len(choices) - 0.6))
    return figure
