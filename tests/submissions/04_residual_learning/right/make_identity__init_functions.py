"""Uses nn.init, and hands the block back as well."""

from torch import nn


def make_identity(block):
    name = "bn3" if hasattr(block, "bn3") else "bn2"
    if block.downsample is not None:
        if type(block.downsample) is not nn.Identity:
            raise ValueError("no identity")
        nn.init.zeros_(getattr(block, name).weight)
        nn.init.zeros_(getattr(block, name).bias)
        return block
    if name == "bn3" or block.conv1.weight.shape[0] != block.conv1.weight.shape[1] or block.conv1.stride[0] > 1:
        raise ValueError("a plain block that cannot")
    for conv in (block.conv1, block.conv2):
        nn.init.dirac_(conv.weight)
    for norm in (block.bn1, block.bn2):
        norm.reset_parameters()
        norm.running_var -= norm.eps
    return block
