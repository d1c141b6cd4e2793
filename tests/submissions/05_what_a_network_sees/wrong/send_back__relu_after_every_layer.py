"""Cuts off what is negative behind every convolution, at the pixels too."""

FAILS = "test_the_pixels_have_both_signs"

import torch.nn.functional as F
from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            signal = F.relu(unpool(signal, where, *size))
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part.weight, *size, part.stride, part.padding, part.groups)
            signal = F.relu(signal)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
