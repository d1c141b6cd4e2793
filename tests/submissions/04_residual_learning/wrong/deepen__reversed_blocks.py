"""Takes the later blocks of a stage in reverse."""

FAILS = "test_stages_of_several_blocks"

import torch


@torch.no_grad()
def deepen(shallow, deep):
    if len(shallow.stages) != len(deep.stages):
        raise ValueError("another number of stages")
    for name in shallow.stages:
        old, new = list(getattr(shallow, name)), list(getattr(deep, name))
        if len(new) < len(old):
            raise ValueError(f"{name} has too few blocks")
        old[1:] = old[:0:-1]
        for index, block in enumerate(new):
            if index < len(old):
                block.load_state_dict(old[index].state_dict())
            else:
                make_identity(block)
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
