"""One image at a time, stacked."""

import numpy as np
import torch


def as_rows(images):
    tensor = isinstance(images, torch.Tensor)
    rows = [image.flatten() for image in images]
    rows = torch.stack(rows) if tensor else np.stack(rows)
    if tensor:
        return rows if torch.is_floating_point(rows) else rows.to(torch.int64)
    return rows if rows.dtype.kind == "f" else rows.astype("int64")
