"""Writes into .data, and keeps the variance at one with a gain that knows eps."""

from torch import nn


def make_identity(block):
    last = block.bn2 if isinstance(block, BasicBlock) else block.bn3
    if block.residual:
        if not isinstance(block.downsample, nn.Identity):
            raise ValueError("changes the shape or projects")
        last.weight.data.mul_(0)
        last.bias.data.fill_(0.0)
        return
    if isinstance(block, Bottleneck):
        raise ValueError("a plain bottleneck")
    if block.conv1.in_channels != block.conv2.out_channels or block.conv1.stride != (1, 1):
        raise ValueError("changes the shape")
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        conv.weight.data.copy_(identity_kernel(conv.in_channels))
        norm.reset_running_stats()
        norm.weight.data.fill_((1 + norm.eps) ** 0.5)
        norm.bias.data.zero_()
