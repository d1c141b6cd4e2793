"""Copies from the deep network to the shallow one."""

FAILS = "test_residual_networks"

import torch


@torch.no_grad()
def deepen(shallow, deep):
    if len(shallow.stages) != len(deep.stages):
        raise ValueError("another number of stages")
    for name in shallow.stages:
        old, new = list(getattr(shallow, name)), list(getattr(deep, name))
        if len(new) < len(old):
            raise ValueError(f"{name} has too few blocks")
        for index, block in enumerate(new):
            if index < len(old):
                old[index].load_state_dict(block.state_dict())
            else:
                make_identity(block)
    for name in ("conv1", "bn1", "fc"):
        getattr(shallow, name).load_state_dict(getattr(deep, name).state_dict())
