"""Works out the number of columns itself."""

import numpy as np
import torch


def as_rows(pictures):
    numbers = 1
    for size in pictures.shape[1:]:
        numbers *= size
    flat = pictures.reshape((pictures.shape[0], numbers))
    if torch.is_tensor(flat):
        return flat.clone() if flat.dtype.is_floating_point else flat.type(torch.LongTensor).to(flat.device)
    return flat + np.zeros((), np.int64) if flat.dtype.kind in "biu" else flat.copy()
