"""Flattens the whole set into one row."""

FAILS = "test_an_image_becomes_one_row"

import numpy as np
import torch


def as_rows(images):
    if isinstance(images, torch.Tensor):
        flat = images.flatten()[None]
        return flat if images.is_floating_point() else flat.long()
    flat = images.flatten()[None]
    return flat if images.dtype.kind == "f" else flat.astype(np.int64)
