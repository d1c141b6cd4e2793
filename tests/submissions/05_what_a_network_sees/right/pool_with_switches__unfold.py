"""Windows by `unfold` of a map with minus infinity around it; works out the places by hand."""

import torch
import torch.nn.functional as F


def pool_with_switches(x, kernel, stride, padding=0, ceil=False):
    height, width = x.shape[2:]
    ends = []
    for size in (height, width):
        steps = -(-(size + 2 * padding - kernel) // stride) if ceil else (size + 2 * padding - kernel) // stride
        if ceil and steps * stride >= size + padding:
            steps -= 1
        ends.append(max(0, steps * stride + kernel - size - 2 * padding))
    wide = F.pad(x, (padding, padding + ends[1], padding, padding + ends[0]), value=float("-inf"))
    windows = wide.unfold(2, kernel, stride).unfold(3, kernel, stride).flatten(4)
    pooled, inside = windows.max(4)
    rows = torch.arange(pooled.shape[2], device=x.device)[:, None] * stride - padding + inside // kernel
    columns = torch.arange(pooled.shape[3], device=x.device) * stride - padding + inside % kernel
    return pooled, rows * width + columns
