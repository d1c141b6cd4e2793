"""Makes all blocks that it can the identity first, then copies over them."""

import torch


@torch.no_grad()
def deepen(shallow, deep):
    if len(shallow.stages) != len(deep.stages):
        raise ValueError("another number of stages")
    for name in shallow.stages:
        old, new = list(getattr(shallow, name)), list(getattr(deep, name))
        if len(new) < len(old):
            raise ValueError(f"{name} has too few blocks")
        for block in new[len(old) :]:
            make_identity(block)
        for theirs, ours in zip(old, new):
            ours.load_state_dict(theirs.state_dict())
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
