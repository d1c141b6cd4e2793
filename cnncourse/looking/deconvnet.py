"""The deconvnet: what in an image made a channel respond (lecture D1).

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 2.1. One response is
sent back down the network: poolings put it where the maximum was (the *switches*), ReLUs cut off what is negative
on the way *back*, convolutions are transposed. The name is the paper's; nothing is deconvolved.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.classification.accounting import evaluating


def pool_with_switches(
    x: Tensor, kernel: int, stride: int, padding: int = 0, ceil: bool = False
) -> tuple[Tensor, Tensor]:
    """Max pooling that remembers where each maximum was.

    Args:
        x: float [B, C, H, W].
        kernel, stride: of the square windows, in pixels.
        padding: pixels around x that can never be a maximum.
        ceil: whether a last window that sticks out of x counts, too; as ``ceil_mode`` of `F.max_pool2d`.
    Returns:
        (pooled, switches): float and int64, both [B, C, h, w]; a switch is row * W + column of the maximum in x,
        of equal maxima the first in this order. Channels and images are counted each by themselves.

    Example:
        >>> x = torch.tensor([[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]])
        >>> pooled, switches = pool_with_switches(x[None, None], kernel=2, stride=2)
        >>> switches
        tensor([[[[ 5,  2],
                  [12, 15]]]])
    """
    return F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil, return_indices=True)


def unpool(pooled: Tensor, switches: Tensor, height: int, width: int) -> Tensor:
    """Put each value back to where its maximum was; all else is zero.

    Where windows overlap, one pixel can be the maximum of several of them: what comes back to it is added up.

    Args:
        pooled: float [B, C, h, w].
        switches: int64 [B, C, h, w], row * width + column each, see `pool_with_switches`.
        height, width: of what was pooled.
    Returns:
        float [B, C, height, width].

    Example:
        >>> unpool(torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[5, 2]]]]), 2, 4)
        tensor([[[[0., 0., 2., 0.],
                  [0., 1., 0., 0.]]]])
    """
    image = pooled.new_zeros(*pooled.shape[:2], height * width)
    image.scatter_add_(2, switches.flatten(2), pooled.flatten(2))
    return image.unflatten(2, (height, width))


def transposed_convolution(
    signal: Tensor,
    weight: Tensor,
    height: int,
    width: int,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    groups: int = 1,
) -> Tensor:
    """Send a signal back through a convolution: each value adds its filter, times the value, to what it saw.

    Value [row, column] of a channel saw the rows from ``row * stride[0] - padding[0]`` and the columns from
    ``column * stride[1] - padding[1]`` on. What falls into the padding is lost; where filters overlap, they add up.
    No bias: nothing was added to the image.

    Args:
        signal: float [B, N, h, w], for the convolution's N output channels.
        weight: float [N, C / groups, kernel_h, kernel_w], the convolution's own.
        height, width: of the convolution's input, which the size of its output alone does not tell.
        stride, padding: of the convolution, (vertical, horizontal), as `nn.Conv2d` keeps them.
        groups: the convolution's; each of so many equal parts of the N channels saw its own part of the C.
    Returns:
        float [B, C, height, width].

    Example:
        >>> signal, weight = torch.tensor([[[[1.0, 10.0]]]]), torch.tensor([[[[1.0, 2.0, 3.0]]]])
        >>> transposed_convolution(signal, weight, height=1, width=6, stride=(1, 2))
        tensor([[[[ 1.,  2., 13., 20., 30.,  0.]]]])
    """
    sizes = zip((height, width), signal.shape[2:], weight.shape[2:], stride, padding, strict=True)
    missing = [size - ((n - 1) * step - 2 * border + kernel) for size, n, kernel, step, border in sizes]
    return F.conv_transpose2d(signal, weight, None, stride, padding, missing, groups)


def forward_with_switches(features: nn.Sequential, images: Tensor) -> tuple[Tensor, list, list]:
    """Run layers, and keep what the way back needs.

    Args:
        features: Conv2d, ReLU, MaxPool2d, normalisations.
        images: float [B, 3, H, W].
    Returns:
        (output, sizes, switches): the last layer's float [B, C, h, w]; for each layer the (height, width) of its
        *input*; and for each layer the switches of its pooling, None where it is no pooling.
    """
    x, sizes, switches = images, [], []
    for part in features:
        sizes.append(tuple(x.shape[2:]))
        if isinstance(part, nn.MaxPool2d):
            x, where = pool_with_switches(x, part.kernel_size, part.stride, part.padding, part.ceil_mode)
            switches.append(where)
        else:
            x = part(x)
            switches.append(None)
    return x, sizes, switches


def send_back(signal: Tensor, features: nn.Sequential, sizes: list, switches: list) -> Tensor:
    """Send a signal from the output of the last layer down to the pixels.

    Layer by layer, from the last to the first. A pooling (`nn.MaxPool2d`) puts values back to their switches. A
    ReLU cuts off what is negative *in the signal*, whatever it cut off on the way up. A convolution (`nn.Conv2d`)
    is transposed, with its stride, padding and groups. A batch normalisation (`nn.BatchNorm2d`), which the paper
    does not have, multiplies each channel by its gain in evaluation mode, weight / sqrt(running_var + eps), and
    adds nothing. Any other layer is passed over, local response normalisation, for example: the paper does not
    say how it is undone.

    Args:
        signal: float [B, C, h, w]; is not changed.
        features: the layers, in the order of the way up.
        sizes: (height, width) of each layer's *input*.
        switches: of each layer, int64 as `unpool` takes them; None for all layers but poolings.
    Returns:
        float [B, 3, H, W].
    """
    for part, size, where in reversed(list(zip(features, sizes, switches, strict=True))):
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, where, *size)
        elif isinstance(part, nn.ReLU):
            signal = F.relu(signal)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(
                signal, part.weight, *size, part.stride, part.padding, part.groups
            )
        elif isinstance(part, nn.BatchNorm2d):
            signal = signal * (part.weight / (part.running_var + part.eps).sqrt())[:, None, None]
    return signal


@torch.no_grad()
def deconvnet(
    features: nn.Sequential, images: Tensor, layer: int, channel: int, position: tuple[int, int] | None = None
) -> Tensor:
    """Project one response of a layer back to the pixels, through all layers below it, in evaluation mode.

    Args:
        features: Conv2d, ReLU, MaxPool2d, normalisations in a row: ``alexnet().features``, for example.
        images: float [B, 3, H, W].
        layer: index into ``features``; its output is looked at.
        channel: of that output.
        position: (row, column) in that channel's map; by default each image's strongest.
    Returns:
        float [B, 3, H, W], both signs; zero for an image without a positive response.
    """
    below = features[: layer + 1]
    with evaluating(below):
        maps, sizes, switches = forward_with_switches(below, images)
    return send_back(keep_one(maps, channel, position), below, sizes, switches)


def keep_one(maps: Tensor, channel: int, position: tuple[int, int] | None = None) -> Tensor:
    """Zero everything in float [B, C, h, w] but one value of one channel: at ``position``, or its maximum."""
    kept = torch.zeros_like(maps)
    if position is not None:
        kept[:, channel, position[0], position[1]] = maps[:, channel, position[0], position[1]]
        return kept
    flat = maps[:, channel].flatten(1)
    strongest = flat.argmax(dim=1, keepdim=True)
    kept[:, channel] = (
        torch.zeros_like(flat).scatter(1, strongest, flat.gather(1, strongest)).view_as(maps[:, channel])
    )
    return kept


def as_pictures(signal: Tensor) -> Tensor:
    """A projection, float [B, 3, H, W], as pictures in [0, 1]: zero is grey, each image in its own range."""
    largest = signal.abs().amax(dim=(1, 2, 3), keepdim=True)
    return 0.5 + 0.5 * signal / torch.where(largest > 0, largest, 1)
