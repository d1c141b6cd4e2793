"""Singular values of the centred points."""

import torch


def principal_colours(images):
    points = images.permute(0, 2, 3, 1).reshape(-1, 3)
    points = points - points.mean(0)
    _, sizes, rows = torch.linalg.svd(points, full_matrices=False)
    return sizes**2 / len(points), rows.T
