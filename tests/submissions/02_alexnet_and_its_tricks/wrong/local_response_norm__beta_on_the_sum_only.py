"""Raises the sum to beta, and then adds k."""

FAILS = "test_beta_is_the_exponent_of_all_below"

import torch.nn.functional as F


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    squares = F.pad(x * x, (0, 0, 0, 0, size // 2, size // 2))
    energy = sum(squares[:, j : j + x.shape[1]] for j in range(size))
    return x / (k + (alpha * energy) ** beta)
