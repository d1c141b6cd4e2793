"""Zeroes all weights of a residual block: it can never wake up."""

FAILS = "test_a_residual_block_can_wake_up"

import torch
from torch import nn


@torch.no_grad()
def make_identity(block):
    last = block.bn2 if isinstance(block, BasicBlock) else block.bn3
    if block.residual:
        if not isinstance(block.downsample, nn.Identity):
            raise ValueError("changes the shape or projects")
        for weight in block.parameters():
            weight.zero_()
        return
    if isinstance(block, Bottleneck):
        raise ValueError("a plain bottleneck")
    if block.conv1.in_channels != block.conv2.out_channels or block.conv1.stride != (1, 1):
        raise ValueError("changes the shape")
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        conv.weight.copy_(identity_kernel(conv.in_channels))
        norm.weight.fill_(1)
        norm.bias.fill_(0)
        norm.running_mean.fill_(0)
        norm.running_var.fill_(1 - norm.eps)
