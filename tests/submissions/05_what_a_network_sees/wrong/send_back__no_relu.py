"""Sends everything back through the ReLUs: what speaks against the response, too."""

FAILS = "test_relu_on_the_way_back"

from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, where, *size)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part.weight, *size, part.stride, part.padding, part.groups)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
