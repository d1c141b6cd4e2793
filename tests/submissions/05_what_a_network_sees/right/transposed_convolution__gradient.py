"""The gradient of a convolution with respect to its input."""

import torch


def transposed_convolution(signal, weight, height, width, stride=(1, 1), padding=(0, 0), groups=1):
    shape = (signal.shape[0], weight.shape[1] * groups, height, width)
    return torch.nn.grad.conv2d_input(shape, weight, signal, stride=stride, padding=padding, groups=groups)
