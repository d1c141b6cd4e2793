"""Takes no offence at a stage with fewer blocks."""

FAILS = "test_networks_that_do_not_fit"

import torch


@torch.no_grad()
def deepen(shallow, deep):
    if len(shallow.stages) != len(deep.stages):
        raise ValueError("another number of stages")
    for name in shallow.stages:
        old, new = list(getattr(shallow, name)), list(getattr(deep, name))
        for index, block in enumerate(new):
            if index < len(old):
                block.load_state_dict(old[index].state_dict())
            else:
                make_identity(block)
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
