"""Copies tensor by tensor, buffers included."""

import torch


@torch.no_grad()
def deepen(shallow, deep):
    source, target = shallow.state_dict(), deep.state_dict()
    if len(shallow.stages) != len(deep.stages) or set(source) - set(target):
        raise ValueError("too shallow")
    for name, tensor in source.items():
        target[name].copy_(tensor)
    for stage in deep.stages:
        for number, block in enumerate(getattr(deep, stage)):
            if f"{stage}.{number}.conv1.weight" not in source:
                make_identity(block)
