"""Adds up the neighbours without squaring them."""

FAILS = "test_worked_example"

import torch.nn.functional as F


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    values = F.pad(x, (0, 0, 0, 0, size // 2, size // 2))
    energy = sum(values[:, j : j + x.shape[1]] for j in range(size))
    return x / (k + alpha * energy) ** beta
