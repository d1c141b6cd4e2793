"""Sends back through convolutions without their strides, paddings and groups."""

FAILS = "test_alexnet"

import torch.nn.functional as F
from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, where, *size)
        elif isinstance(part, nn.ReLU):
            signal = F.relu(signal)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part.weight, *size, (1, 1), (1, 1), 1)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
