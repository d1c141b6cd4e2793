"""Identity by construction: a deeper network can always do what a shallower one does (He et al. 2016, section 1)."""

import torch
from torch import Tensor, nn

from cnncourse.classification.resnet import BasicBlock, Bottleneck, ResNet


def identity_kernel(channels: int, kernel: int = 3) -> Tensor:
    """The weights of a convolution that changes nothing.

    With stride 1, no bias and padding ``kernel // 2``, output channel i is input channel i.

    Args:
        channels: how many come in, and go out.
        kernel: height and width; odd.

    Returns:
        float32 [channels, channels, kernel, kernel]: output channel, input channel, row, column.

    Example:
        >>> identity_kernel(1)
        tensor([[[[0., 0., 0.],
                  [0., 1., 0.],
                  [0., 0., 0.]]]])
    """
    weight = torch.zeros(channels, channels, kernel, kernel)
    weight[range(channels), range(channels), kernel // 2, kernel // 2] = 1
    return weight


@torch.no_grad()
def make_identity(block: BasicBlock | Bottleneck) -> None:
    """Set a block's weights, in place, so that it hands its input on, for inputs that are nowhere negative.

    A residual block only has to be silent: the gain (``weight``) and the shift (``bias``) of its last batch
    normalisation become zero. All other weights stay, so that training can wake the block up. It is then the
    identity in training mode too, and how such blocks are often started.

    A plain block has to *be* the identity: `identity_kernel` in both convolutions, and normalisations that change
    nothing. That holds in evaluation mode only, where a normalisation computes

        (x - running_mean) / sqrt(running_var + eps) * weight + bias

    with its own ``eps`` (`norm.eps`).

    Args:
        block: any block; its weights may be anything.

    Raises:
        ValueError: the block's shortcut is not an ``nn.Identity``; or it is plain, and a bottleneck (fewer channels
            cannot hold its input), has a stride, or other channels inside than outside.
    """
    last = block.bn2 if isinstance(block, BasicBlock) else block.bn3
    if block.residual:
        if not isinstance(block.downsample, nn.Identity):
            raise ValueError("This block changes the shape or projects its input: it cannot be the identity.")
        last.weight.zero_()
        last.bias.zero_()
        return
    shape = block.conv1.in_channels, block.conv1.stride
    if isinstance(block, Bottleneck) or shape != (block.conv2.out_channels, (1, 1)):
        raise ValueError(
            "This plain block cannot hand on what it gets: it has a stride, or fewer or more channels inside."
        )
    for conv, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
        conv.weight.copy_(identity_kernel(conv.in_channels))
        norm.reset_parameters()
        norm.running_var.fill_(1 - norm.eps)  # the normalisation divides by sqrt(running_var + eps)


@torch.no_grad()
def deepen(shallow: ResNet, deep: ResNet) -> None:
    """Give ``deep`` the weights of ``shallow``, and make the blocks that it has more the identity, in place.

    The first blocks of each stage become those of ``shallow``, with all that a state dict holds; the blocks behind
    them the identity (`make_identity`); stem (``conv1``, ``bn1``) and ``fc`` are those of ``shallow``. In evaluation
    mode both then compute the same: the deeper network's training error *could* be as low. That plain networks do
    not get there by training is the paper's starting point.

    Args:
        shallow: is not changed.
        deep: as wide, with as many stages, and with at least as many blocks in each.

    Raises:
        ValueError: the number of stages differs, or a stage of ``deep`` has fewer blocks.
    """
    if shallow.stages != deep.stages:
        raise ValueError(f"{len(shallow.stages)} stages cannot become {len(deep.stages)}.")
    for name in shallow.stages:
        blocks = list(getattr(shallow, name))
        if len(blocks) > len(getattr(deep, name)):
            raise ValueError(f"{name} has {len(getattr(deep, name))} blocks, too few for {len(blocks)}.")
        for index, block in enumerate(getattr(deep, name)):
            if index < len(blocks):
                block.load_state_dict(blocks[index].state_dict())
            else:
                make_identity(block)
    for name in ("conv1", "bn1", "fc"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
