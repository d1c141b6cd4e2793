"""Keeps copies, and has an __init__."""

import numpy as np
import torch


class NearestNeighbor:
    def __init__(self):
        self.images = None
        self.labels = None

    def train(self, images, labels):
        tensor = isinstance(images, torch.Tensor)
        self.images, self.labels = (x.clone() if tensor else np.array(x) for x in (images, labels))

    def predict(self, new):
        where = l1_distances(self.images, new).argmin(0)
        return self.labels[where]
