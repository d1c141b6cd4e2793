"""Writes unpooling and transposed convolution on the spot."""

import torch
import torch.nn.functional as F
from torch import nn


def send_back(signal, features, sizes, switches):
    for part, (height, width), where in list(zip(features, sizes, switches))[::-1]:
        if where is not None:
            flat = torch.zeros(*signal.shape[:2], height * width, dtype=signal.dtype, device=signal.device)
            signal = flat.scatter_add(2, where.flatten(2), signal.flatten(2)).view(*signal.shape[:2], height, width)
        if isinstance(part, nn.ReLU):
            signal = torch.clamp(signal, min=0)
        if isinstance(part, nn.Conv2d):
            shape = (len(signal), part.in_channels, height, width)
            signal = torch.nn.grad.conv2d_input(
                shape, part.weight, signal, part.stride, part.padding, part.dilation, part.groups
            )
        if isinstance(part, nn.BatchNorm2d):
            signal = torch.einsum("bchw,c->bchw", signal, part.weight * (part.running_var + part.eps) ** -0.5)
    return signal
