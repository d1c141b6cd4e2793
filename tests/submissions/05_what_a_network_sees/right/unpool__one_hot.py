"""A product with a matrix of zeros and ones; sums where places meet."""

import torch
import torch.nn.functional as F


def unpool(pooled, switches, height, width):
    places = F.one_hot(switches.flatten(2), height * width).to(pooled.dtype)
    flat = (pooled.flatten(2).unsqueeze(2) @ places).squeeze(2)
    return flat.reshape(*pooled.shape[:2], height, width)
