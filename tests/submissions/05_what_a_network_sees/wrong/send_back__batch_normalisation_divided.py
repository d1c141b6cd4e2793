"""Divides by the gain where the way back multiplies, as if the layer could be inverted."""

FAILS = "test_batch_normalisation"

import torch.nn.functional as F
from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, where, *size)
        elif isinstance(part, nn.ReLU):
            signal = F.relu(signal)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part.weight, *size, part.stride, part.padding, part.groups)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal / (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
