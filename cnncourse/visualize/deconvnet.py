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
    Returns:
        (pooled, switches): float and int64, both [B, C, h, w]; a switch is row * W + column of the maximum in x.
    """
    return F.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil, return_indices=True)


def unpool(pooled: Tensor, switches: Tensor, height: int, width: int) -> Tensor:
    """Put each value back to where its maximum was; all else is zero.

    Where windows overlap, one pixel can be the maximum of several of them: what comes back to it is added up.

    Args:
        pooled: float [B, C, h, w].
        switches: int64 [B, C, h, w], row * width + column each.
    Returns:
        float [B, C, height, width].
    """
    image = pooled.new_zeros(*pooled.shape[:2], height * width)
    image.scatter_add_(2, switches.flatten(2), pooled.flatten(2))
    return image.unflatten(2, (height, width))


def transposed_convolution(signal: Tensor, conv: nn.Conv2d, height: int, width: int) -> Tensor:
    """Send a signal back through a convolution: each value adds its filter, times the value, to what it saw.

    No bias: nothing was added to the image.

    Args:
        signal: float [B, conv.out_channels, h, w].
        height, width: of the convolution's input, which the output's size alone does not tell.
    Returns:
        float [B, conv.in_channels, height, width].
    """
    sizes = zip((height, width), signal.shape[2:], conv.kernel_size, conv.stride, conv.padding, strict=True)
    missing = [size - ((n - 1) * stride - 2 * padding + kernel) for size, n, kernel, stride, padding in sizes]
    return F.conv_transpose2d(signal, conv.weight, None, conv.stride, conv.padding, missing, conv.groups)


def forward_with_switches(features: nn.Sequential, images: Tensor) -> tuple[Tensor, list, dict[int, Tensor]]:
    """Run layers, and keep what the way back needs.

    Args:
        images: float [B, 3, H, W].
    Returns:
        (output, sizes, switches): the last layer's float [B, C, h, w]; each layer's *input* size (height, width);
        and the switches of each pooling by its index.
    """
    x, sizes, switches = images, [], {}
    for number, part in enumerate(features):
        sizes.append(tuple(x.shape[2:]))
        if isinstance(part, nn.MaxPool2d):
            window = part.kernel_size, part.stride, part.padding, part.ceil_mode
            x, switches[number] = pool_with_switches(x, *window)
        else:
            x = part(x)
    return x, sizes, switches


def send_back(signal: Tensor, features: nn.Sequential, sizes: list, switches: dict[int, Tensor]) -> Tensor:
    """Send a signal from the output of the last layer down to the pixels.

    Layer by layer from the last: poolings put values back to their switches, ReLUs cut off what is negative *in
    the signal*, convolutions are transposed. Local response normalisation is passed over (the paper does not say
    how it is undone); batch normalisation, which the paper does not have, multiplies by its gain in evaluation
    mode.

    Args:
        signal: float [B, C, h, w].
        sizes, switches: from `forward_with_switches`.
    Returns:
        float [B, 3, H, W].
    """
    for number in reversed(range(len(features))):
        part = features[number]
        if isinstance(part, nn.MaxPool2d):
            signal = unpool(signal, switches[number], *sizes[number])
        elif isinstance(part, nn.ReLU):
            signal = F.relu(signal)
        elif isinstance(part, nn.Conv2d):
            signal = transposed_convolution(signal, part, *sizes[number])
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
