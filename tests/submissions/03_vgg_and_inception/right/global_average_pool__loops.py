"""Two loops, the sum of each map over its size."""

import torch


def global_average_pool(x):
    height, width = x.shape[-2:]
    return torch.stack([torch.stack([map.sum() / (height * width) for map in image]) for image in x])
