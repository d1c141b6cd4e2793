"""A data set and a network that train in a blink; as a script, it trains them for tests that kill a run."""

import os
import signal
import sys

import torch
from lightning_fabric import Fabric
from torch import nn

from cnncourse.training.loop import train
from cnncourse.training.recipe import Recipe

RECIPE = Recipe(epochs=4, batch_size=16, lr=0.05, schedule="cosine")


class Toy:
    """Noise of which a network can learn the sign of the mean."""

    def __init__(self, count: int = 64):
        self.images = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        self.labels = (self.images.mean((1, 2, 3)) > 0).long()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]

    def augment(self, sample, generator):
        image, label = sample
        return (image.flip(-1) if torch.rand((), generator=generator) < 0.5 else image), label

    def collate(self, samples):
        images, labels = zip(*samples, strict=True)
        return torch.stack(images), torch.stack(labels)


def network(dropout: float = 0.5) -> nn.Sequential:
    torch.manual_seed(0)
    body = nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(dropout), nn.Flatten()
    return nn.Sequential(*body, nn.Linear(8 * 36, 2))


if __name__ == "__main__":
    folder, how = sys.argv[1:]
    torch.set_num_threads(1)

    def kill_in_the_middle(state):
        if (state["epoch"], state["step"]) == (2, 1):
            os.kill(os.getpid(), signal.SIGKILL)

    if how == "killed":
        train(network(), Toy(), RECIPE, folder=folder, progress=kill_in_the_middle)
    elif how == "distributed":
        fabric = Fabric(accelerator="cpu", devices=int(os.environ["LOCAL_WORLD_SIZE"]), strategy="ddp")
        fabric.launch()
        train(network(dropout=0), Toy(), RECIPE, validation=Toy(50), fabric=fabric, folder=folder)
