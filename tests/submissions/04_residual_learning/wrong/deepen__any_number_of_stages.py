"""Pairs the stages with zip, which stops at the shorter network."""

FAILS = "test_networks_that_do_not_fit"

import torch


@torch.no_grad()
def deepen(shallow, deep):
    for name, _ in zip(shallow.stages, deep.stages):
        old, new = list(getattr(shallow, name)), list(getattr(deep, name))
        if len(new) < len(old):
            raise ValueError(f"{name} has too few blocks")
        for index, block in enumerate(new):
            if index < len(old):
                block.load_state_dict(old[index].state_dict())
            else:
                make_identity(block)
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
