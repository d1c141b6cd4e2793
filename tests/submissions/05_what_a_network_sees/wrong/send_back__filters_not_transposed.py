"""Convolves with the filters as they are, their channels exchanged, instead of transposing the convolution."""

FAILS = "test_the_pixels_have_both_signs"

import torch.nn.functional as F
from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, where, *size)
        elif isinstance(part, nn.ReLU):
            signal = F.relu(signal)
        elif isinstance(part, nn.Conv2d):
            signal = F.conv2d(signal, part.weight.transpose(0, 1), None, 1, part.padding, 1)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
