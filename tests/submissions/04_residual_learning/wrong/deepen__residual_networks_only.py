"""Silences the additional blocks, which plain ones do not survive."""

FAILS = "test_plain_networks"

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
                block.load_state_dict(old[index].state_dict())
            else:
                last = block.bn3 if hasattr(block, "bn3") else block.bn2
                last.weight.zero_()
                last.bias.zero_()
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
