"""squeeze() also drops a batch of one, and a single channel."""

FAILS = "test_one_image_with_one_channel"

import torch.nn.functional as F


def global_average_pool(x):
    return F.adaptive_avg_pool2d(x, 1).squeeze()
