"""Loops over the filters; numpy, in float64."""

import numpy as np
import torch


def filters_as_images(weight):
    out = []
    for one in weight.detach().cpu().double().numpy():
        largest = np.abs(one).max()
        if largest == 0:
            largest = 1.0
        picture = np.floor(128 + 127.5 * one / largest)
        out.append(np.clip(picture, 0, 255).astype(np.uint8).transpose(1, 2, 0))
    return torch.from_numpy(np.stack(out)).to(weight.device)
