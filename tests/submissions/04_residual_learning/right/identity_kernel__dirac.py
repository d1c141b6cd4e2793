"""torch has it: the Dirac initialisation."""

import torch
from torch import nn


def identity_kernel(channels, kernel=3):
    return nn.init.dirac_(torch.empty(channels, channels, kernel, kernel))
