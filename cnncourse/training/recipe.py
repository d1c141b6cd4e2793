"""How a network is trained: what is passed on to the loop, kept in checkpoints, and told beside stored weights."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Recipe:
    """How to train. Words that are not known are found out when they are used, see the methods.

    Args:
        epochs: passes over the data.
        batch_size: images a step, over all processes together.
        lr: the learning rate after ``warmup`` epochs, during which it grows linearly.
        optimizer: "sgd" (with ``momentum``) or "adam" (AdamW).
        weight_decay: of the optimizer.
        schedule: "constant", "cosine" (to zero), or "steps" (a tenth at 1/2, another at 3/4 of the epochs).
        warmup: in epochs; a fraction counts.
        clip: the largest norm of the gradient; None leaves it as it is.
        seed: decides the order of the images, their augmentation and what dropout draws.
    """

    epochs: int
    batch_size: int = 128
    lr: float = 0.1
    optimizer: str = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0
    clip: float | None = None
    seed: int = 0

    def lr_at(self, progress: float) -> float:
        """The learning rate when ``progress`` epochs (a fraction counts) are done.

        Raises:
            ValueError: an unknown schedule.
        """
        if progress < self.warmup:
            return self.lr * progress / self.warmup
        part = progress / self.epochs
        match self.schedule:
            case "constant":
                return self.lr
            case "cosine":
                return self.lr * (1 + math.cos(math.pi * part)) / 2
            case "steps":
                return self.lr * 0.1 ** ((part >= 0.5) + (part >= 0.75))
        raise ValueError(f'schedule={self.schedule!r}: known are "constant", "cosine" and "steps"')

    def build_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of those parameters that are trained.

        Raises:
            ValueError: an unknown optimizer.
        """
        trainable = [parameter for parameter in parameters if parameter.requires_grad]
        if self.optimizer == "sgd":
            return torch.optim.SGD(trainable, self.lr, self.momentum, weight_decay=self.weight_decay)
        if self.optimizer == "adam":
            return torch.optim.AdamW(trainable, self.lr, weight_decay=self.weight_decay)
        raise ValueError(f'optimizer={self.optimizer!r}: known are "sgd" and "adam"')
