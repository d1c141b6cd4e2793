"""Blocks and networks with random statistics, and inputs for them."""

import torch
from torch import nn


def randomise(module: nn.Module, seed: int = 0) -> nn.Module:
    """Random batch-normalisation statistics and gains, evaluation mode, float64."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                tensor.uniform_(0.5, 1.5, generator=generator)
            for tensor in (part.bias.data, part.running_mean):
                tensor.uniform_(-0.5, 0.5, generator=generator)
    return module.double().eval()


def inputs(channels: int, size: int = 7) -> torch.Tensor:
    return torch.rand(
        2, channels, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
