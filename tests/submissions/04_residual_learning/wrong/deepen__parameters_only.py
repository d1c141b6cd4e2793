"""Copies the parameters and forgets the running statistics."""

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
                for theirs, ours in zip(old[index].parameters(), block.parameters()):
                    ours.copy_(theirs)
            else:
                make_identity(block)
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
