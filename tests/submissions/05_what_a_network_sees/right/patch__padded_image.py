"""Pads the image far enough on all sides, then one slice."""

import torch
import torch.nn.functional as F


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    border = size + abs(start)
    wide = F.pad(image, (border,) * 4, value=outside)
    y, x = border + start + row * stride, border + start + column * stride
    return wide[:, y : y + size, x : x + size].clone()
