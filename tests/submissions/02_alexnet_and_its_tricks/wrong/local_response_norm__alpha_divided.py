"""Divides alpha by the window's size, as PyTorch's layer does."""

FAILS = "test_alpha_multiplies_the_sum"

import torch.nn.functional as F


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    return F.local_response_norm(x, size, alpha, beta, k)
