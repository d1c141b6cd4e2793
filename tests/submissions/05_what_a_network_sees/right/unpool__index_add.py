"""One long row for everything, with an offset for each channel of each image."""

import torch


def unpool(pooled, switches, height, width):
    b, c = pooled.shape[:2]
    offset = torch.arange(b * c, device=pooled.device).view(b, c, 1, 1) * (height * width)
    flat = pooled.new_zeros(b * c * height * width)
    flat = flat.index_add(0, (switches + offset).flatten(), pooled.flatten())
    return flat.view(b, c, height, width)
