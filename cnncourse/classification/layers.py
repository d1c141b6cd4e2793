"""What AlexNet, ZFNet and VGG are made of: convolutions in a row, then fully connected layers.

An architecture of this kind is a tuple of rows (`Conv`, `Norm`, `Pool`) that `ConvNet` turns into a network.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.classification.convolution import conv_output_size


class Conv(NamedTuple):
    """A row: a convolution with a bias, and the activation after it. ``groups`` 2 are AlexNet's two GPUs."""

    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1


class Pool(NamedTuple):
    """A row: max pooling. It overlaps where the stride is smaller than the kernel; ``ceil`` rounds sizes up."""

    kernel: int = 3
    stride: int = 2
    ceil: bool = False


class Norm(NamedTuple):
    """A row: local response normalisation across channels, with the constants of AlexNet's section 3.3."""

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0


Table = Sequence[Conv | Pool | Norm]


def relu() -> nn.Module:
    """The rectifier, in place: what it overwrites is needed by nobody, and it halves the memory of training."""
    return nn.ReLU(inplace=True)


def local_response_norm(
    x: Tensor, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0
) -> Tensor:
    """Let neighbouring channels compete: divide each value by a power of what its neighbours have, squared.

    With a the input, b the output and N channels, at every position of every image by itself

        b_i = a_i / (k + alpha * sum of a_j^2 over j = max(0, i - size//2) .. min(N-1, i + size//2)) ^ beta

    So the window spans ``size`` channels with channel i in the middle, and fewer at the first and last channels.
    Source: Krizhevsky et al. 2012, section 3.3. The sum is not divided by ``size``: PyTorch's and Caffe's
    layers do divide, so theirs computes the same with an ``alpha`` that is ``size`` times as large.

    Args:
        x: float [B, N, H, W].
        size: the window, in channels; odd.
        alpha, beta, k: as in the formula; the defaults are the paper's.
    Returns:
        float [B, N, H, W].

    Example, three channels at one position:
        >>> x = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
        >>> local_response_norm(x, size=3, alpha=1.0, beta=1.0, k=0.0).flatten()
        tensor([0.2000, 0.1429, 0.2308])
    """
    channels = x.shape[1]
    squares = F.pad(x * x, (0, 0, 0, 0, size // 2, size // 2))  # zeros beyond the first and the last channel
    energy = sum(squares[:, offset : offset + channels] for offset in range(size))
    return x / (k + alpha * energy) ** beta


class LocalResponseNorm(nn.Module):
    """`local_response_norm` as a layer: float [B, N, H, W] -> the same shape."""

    def __init__(self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0):
        super().__init__()
        self.constants = (size, alpha, beta, k)

    def forward(self, x: Tensor) -> Tensor:
        return local_response_norm(x, *self.constants)

    def extra_repr(self) -> str:
        return "size={}, alpha={}, beta={}, k={}".format(*self.constants)


class GroupedConvolution(nn.Module):
    """One of AlexNet's convolution layers: a convolution in groups, then ReLU.

    The input channels are cut into ``groups`` equal parts, in order, and so are the filters and biases. The first
    part of the filters is applied to the first part of the channels alone, the second to the second, and so on;
    what they give is put back together in the same order. Last, ReLU: max(0, value). In AlexNet the two groups
    were on two GPUs. (PyTorch has this built in, and the course's networks use that; here it is written out.)

    Args:
        in_channels, out_channels: channels of the input and of the output; ``groups`` divides both.
        kernel: height and width of the filters.
        stride, padding: of the convolution, in pixels along both axes.
        groups: into how many parts the channels are cut.

    Attributes:
        weight: the filters, a parameter, float [out_channels, in_channels / groups, kernel, kernel].
        bias: a parameter, float [out_channels].
        stride, padding, groups: as given.

    Source: Krizhevsky et al. 2012, sections 3.1, 3.2 and 3.5.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
    ):
        super().__init__()
        seen = in_channels // groups
        deviation = (2 / (seen * kernel * kernel)) ** 0.5  # He et al. 2015
        self.weight = nn.Parameter(deviation * torch.randn(out_channels, seen, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.stride, self.padding, self.groups = stride, padding, groups

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to a batch of maps.

        Args:
            x: float [B, in_channels, H, W].
        Returns:
            float [B, out_channels, H', W'], with H' and W' as `conv_output_size` has them.
        """
        parts = zip(
            x.chunk(self.groups, dim=1),
            self.weight.chunk(self.groups),
            self.bias.chunk(self.groups),
            strict=True,
        )
        maps = [F.conv2d(part, weight, bias, self.stride, self.padding) for part, weight, bias in parts]
        return torch.cat(maps, dim=1).relu()


def convolutions(
    table: Table, activation: Callable[[], nn.Module] = relu, batch_norm: bool = False, channels: int = 3
) -> nn.Sequential:
    """The rows of ``table`` as layers; the numbering is torchvision's ``features``."""
    layers = []
    for row in table:
        match row:
            case Conv():
                layers.append(
                    nn.Conv2d(channels, row.channels, row.kernel, row.stride, row.padding, groups=row.groups)
                )
                layers += [nn.BatchNorm2d(row.channels)] if batch_norm else []
                layers.append(activation())
                channels = row.channels
            case Pool():
                layers.append(nn.MaxPool2d(row.kernel, row.stride, ceil_mode=row.ceil))
            case Norm():
                layers.append(LocalResponseNorm(*row))
    return nn.Sequential(*layers)


def fully_connected(
    sizes: Sequence[int],
    dropout: float = 0.5,
    dropout_first: bool = False,
    activation: Callable[[], nn.Module] = relu,
) -> nn.Sequential:
    """Linear layers from ``sizes[0]`` features to ``sizes[-1]`` logits, with activation and dropout between.

    Dropout stands behind the activation, as in the papers, or with ``dropout_first`` before each of the hidden
    layers: what that drops in a network is the features and the first hidden layer, not the two hidden layers.
    """
    layers = []
    for inputs, outputs in pairwise(sizes[:-1]):
        hidden = [nn.Linear(inputs, outputs), activation()]
        layers += [nn.Dropout(dropout), *hidden] if dropout_first else [*hidden, nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class ConvNet(nn.Module):
    """Convolutions, then fully connected layers: images float [B, 3, H, W] to logits [B, classes].

    Args:
        table: the convolutional part, see `Conv`, `Pool` and `Norm`.
        classes: logits.
        hidden: sizes of the fully connected layers but the last.
        input_size: height and width that the fully connected layers are made for. Other sizes run, too:
            the last feature map is then averaged to the size it would have had, as torchvision does it
            (the papers have nothing there; at ``input_size`` it changes nothing).
        dropout, dropout_first: see `fully_connected`.
        activation: makes an activation layer, such as ``nn.Tanh``.
        batch_norm: a batch normalisation behind every convolution.

    Raises:
        ValueError: the table leaves nothing of an image of ``input_size``.
    """

    def __init__(
        self,
        table: Table,
        classes: int = 1000,
        hidden: Sequence[int] = (4096, 4096),
        input_size: int = 224,
        dropout: float = 0.5,
        dropout_first: bool = False,
        activation: Callable[[], nn.Module] = relu,
        batch_norm: bool = False,
    ):
        super().__init__()
        self.input_size = input_size
        self.features = convolutions(table, activation, batch_norm)
        size = map_sizes(table, input_size)[-1]
        self.avgpool = nn.AdaptiveAvgPool2d(size)
        channels = [row.channels for row in table if isinstance(row, Conv)][-1]
        sizes = (channels * size * size, *hidden, classes)
        self.classifier = fully_connected(sizes, dropout, dropout_first, activation)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(images)).flatten(1))


def map_sizes(table: Table, input_size: int) -> list[int]:
    """The height of the feature map behind every row, where images are ``input_size`` pixels high.

    Raises:
        ValueError: nothing is left of the image behind some row, which is named.
    """
    sizes = [input_size]
    for number, row in enumerate(table):
        if isinstance(row, Norm):
            sizes.append(sizes[-1])
            continue
        padding, ceil = getattr(row, "padding", 0), getattr(row, "ceil", False)
        try:
            sizes.append(conv_output_size(sizes[-1], row.kernel, row.stride, padding, ceil=ceil))
        except ValueError as error:
            raise ValueError(
                f"An image of {input_size} pixels is too small for row {number}, {row}: {error} "
                "Choose a larger input_size, a smaller stem, or fewer poolings."
            ) from error
    return sizes[1:]


def scaled(table: Iterable, width: float) -> tuple:
    """The table with ``width`` times the channels (even numbers of them: they may be cut into two groups)."""
    return tuple(
        row._replace(channels=scale_channels(row.channels, width)) if isinstance(row, Conv) else row
        for row in table
    )


def scale_channels(channels: int, width: float) -> int:
    """``width`` times as many, to the nearest even number, at least two."""
    return channels if width == 1 else max(2, 2 * round(channels * width / 2))


def initialise(model: nn.Module) -> None:
    """He et al. 2015's normal initialisation of weights (fan in), zero biases, in place.

    One initialisation for all architectures, so that experiments compare architectures. It deviates from the
    older papers, AlexNet's in particular (deviation 0.01, biases 1 in some layers): with few channels that
    makes the signal vanish.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
