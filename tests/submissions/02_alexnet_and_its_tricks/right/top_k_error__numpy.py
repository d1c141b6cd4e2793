"""Numpy's stable sort of the negative scores."""

import numpy as np


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    order = np.argsort(-scores.detach().cpu().numpy(), axis=1, kind="stable")[:, :k]
    right = (order == labels.cpu().numpy()[:, None]).any(1)
    return float(1 - right.mean())
