"""Pads an identity matrix of 1x1 kernels, made with numpy."""

import numpy as np
import torch


def identity_kernel(channels, kernel=3):
    middle = np.eye(channels, dtype=np.float32)[:, :, None, None]
    side = kernel // 2
    return torch.from_numpy(np.pad(middle, ((0, 0), (0, 0), (side, side), (side, side))))
