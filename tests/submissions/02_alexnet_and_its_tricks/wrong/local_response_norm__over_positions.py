"""The window goes over height and width instead of channels."""

FAILS = "test_worked_example"

import torch.nn.functional as F


def local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    energy = F.avg_pool2d(x * x, size, 1, size // 2, count_include_pad=True) * size**2
    return x / (k + alpha * energy) ** beta
