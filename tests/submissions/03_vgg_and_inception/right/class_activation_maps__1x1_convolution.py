"""The classifier as a 1x1 convolution."""

import torch.nn.functional as F


def class_activation_maps(features, weight, bias):
    return F.conv2d(features, weight[:, :, None, None], bias)
