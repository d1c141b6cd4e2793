"""Pools by 7x7, the size of GoogLeNet's last map."""

FAILS = "test_maps_of_any_size"

import torch.nn.functional as F


def global_average_pool(x):
    return F.avg_pool2d(x, 7).flatten(1)
