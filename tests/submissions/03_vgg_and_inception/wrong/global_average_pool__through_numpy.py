"""Goes through numpy, which keeps no gradient."""

FAILS = "test_gradient_is_spread_evenly"

import torch


def global_average_pool(x):
    return torch.from_numpy(x.detach().cpu().numpy().mean((2, 3))).to(x.device)
