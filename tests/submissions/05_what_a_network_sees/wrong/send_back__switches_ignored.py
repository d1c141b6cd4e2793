"""Ignores the switches: each value goes into the corner of its window."""

FAILS = "test_the_switches_decide"

import torch
import torch.nn.functional as F
from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            rows, columns = (torch.arange(n, device=signal.device) * part.stride for n in signal.shape[2:])
            signal = unpool(signal, (rows[:, None] * size[1] + columns).expand_as(signal), *size)
        elif isinstance(part, nn.ReLU):
            signal = F.relu(signal)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part.weight, *size, part.stride, part.padding, part.groups)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
