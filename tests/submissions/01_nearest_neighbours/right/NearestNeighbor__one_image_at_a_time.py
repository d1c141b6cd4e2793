"""Predicts one image at a time."""

import numpy as np
import torch


class NearestNeighbor:
    def train(self, images, labels):
        self.images = images
        self.labels = labels

    def predict(self, images):
        found = []
        for i in range(len(images)):
            distances = l1_distances(images[i : i + 1], self.images)[0]
            found.append(self.labels[int(distances.argmin())])
        return torch.stack(found) if isinstance(self.labels, torch.Tensor) else np.array(found)
