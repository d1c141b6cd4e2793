"""Numpy, and nine means one after the other."""

import numpy as np
import torch


def principal_colours(images):
    pixels = images.detach().cpu().numpy().astype(np.float64)
    mean = pixels.mean((0, 2, 3))
    covariance = np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            covariance[i, j] = ((pixels[:, i] - mean[i]) * (pixels[:, j] - mean[j])).mean()
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = torch.from_numpy(values[::-1].copy()), torch.from_numpy(vectors[:, ::-1].copy())
    return values.to(images.device, images.dtype), vectors.to(images.device, images.dtype)
