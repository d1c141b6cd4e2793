"""One value at a time."""

import torch


def unpool(pooled, switches, height, width):
    image = torch.zeros(*pooled.shape[:2], height, width, dtype=pooled.dtype, device=pooled.device)
    for b in range(pooled.shape[0]):
        for c in range(pooled.shape[1]):
            places = switches[b, c].flatten().tolist()
            for value, place in zip(pooled[b, c].flatten(), places):
                row, column = divmod(place, width)
                image[b, c, row, column] += value
    return image
