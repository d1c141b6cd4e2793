"""Counts who is ahead of the label."""

import torch


def top_k_error(scores, labels, k=1):
    if not 1 <= k <= scores.shape[1] or len(scores) == 0:
        raise ValueError("k or the number of images is impossible")
    own = scores[range(len(scores)), labels][:, None]
    classes = torch.arange(scores.shape[1], device=scores.device)
    ahead = (scores > own) | ((scores == own) & (classes < labels[:, None]))
    return float((ahead.sum(1) >= k).double().mean())
