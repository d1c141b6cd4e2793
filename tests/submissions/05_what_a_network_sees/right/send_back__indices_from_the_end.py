"""Counts down, and reads the kind of a layer from its name."""

import torch


def send_back(signal, features, sizes, switches):
    number = len(features) - 1
    while number >= 0:
        layer, (height, width) = features[number], sizes[number]
        kind = type(layer).__name__
        if kind == "MaxPool2d":
            signal = unpool(signal, switches[number], height, width)
        elif kind == "ReLU":
            signal = signal * (signal > 0)
        elif kind == "Conv2d":
            signal = transposed_convolution(
                signal, layer.weight, height, width, layer.stride, layer.padding, layer.groups
            )
        elif kind == "BatchNorm2d":
            gain = layer.weight / torch.sqrt(layer.running_var + layer.eps)
            signal = signal * gain.view(1, -1, 1, 1)
        number -= 1
    return signal
