"""Rectifies in place: where a ReLU is the last layer, the caller's signal is changed."""

FAILS = "test_the_signal_stays_as_it_is"

from torch import nn


def send_back(signal, features, sizes, switches):
    for part, size, where in reversed(list(zip(features, sizes, switches))):
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, where, *size)
        elif isinstance(part, nn.ReLU):
            signal = signal.detach().clamp_(min=0)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part.weight, *size, part.stride, part.padding, part.groups)
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal
