"""Forgets k."""

FAILS = "test_the_papers_constants"

import torch.nn.functional as F


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    squares = F.pad(x * x, (0, 0, 0, 0, size // 2, size // 2))
    energy = sum(squares[:, j : j + x.shape[1]] for j in range(size))
    return x / (alpha * energy).clamp(min=1e-12) ** beta
