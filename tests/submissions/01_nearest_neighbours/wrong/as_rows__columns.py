"""Makes every image a column."""

FAILS = "test_an_image_becomes_one_row"

import numpy as np
import torch


def as_rows(images):
    if isinstance(images, torch.Tensor):
        rows = images.reshape(images.shape[0], -1).T
        return rows if images.is_floating_point() else rows.long()
    rows = images.reshape(len(images), -1).T
    return rows if np.issubdtype(images.dtype, np.floating) else rows.astype(np.int64)
