"""Every pixel by itself."""

import torch


def patch(image, field, row, column, outside=0.5):
    size, stride, start = field
    channels, height, width = image.shape
    result = torch.zeros_like(image[:, :1, :1]).repeat(1, size, size)
    for i in range(size):
        for j in range(size):
            y, x = start + row * stride + i, start + column * stride + j
            there = 0 <= y < height and 0 <= x < width
            result[:, i, j] = image[:, y, x] if there else outside
    return result
