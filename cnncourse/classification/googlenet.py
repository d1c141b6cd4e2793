"""GoogLeNet: Szegedy et al., "Going deeper with convolutions", CVPR 2015, sections 4 and 5, table 1, figure 3."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnncourse.classification.convolution import conv_output_size
from cnncourse.classification.layers import LocalResponseNorm, initialise, scale_channels

# Channels of each module: 1x1; 1x1 before the 3x3, 3x3; 1x1 before the 5x5, 5x5; 1x1 behind the pooling
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
VARIANTS = ("paper", "torchvision")


class GoogLeNetOutputs(NamedTuple):
    """What GoogLeNet with auxiliary heads returns in training: logits [B, classes] each, in torchvision's order."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class ConvUnit(nn.Module):
    """What GoogLeNet is made of: a convolution and, behind it, a ReLU.

    The paper's convolutions have a bias. Later versions have a batch normalisation between convolution and ReLU
    instead, which brings a bias of its own, so that the convolution has none then.

    The parts are attributes: ``conv`` (nn.Conv2d), ``bn`` (nn.BatchNorm2d, or nn.Identity where there is none) and
    ``relu`` (nn.ReLU).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int = 0,
        batch_norm: bool = False,
    ):
        """Make the parts.

        Args:
            in_channels, out_channels, kernel, stride, padding: of the convolution.
            batch_norm: with batch normalisation, with eps = 0.001, and without the convolution's bias.
        """
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, in_channels, H, W] -> float [B, out_channels, H', W']."""
        return self.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """The inception module: four branches look at the same map, and their channels are stacked.

    With reduction (figure 2b):

    - ``branch1``: 1x1
    - ``branch2``: 1x1, then 3x3
    - ``branch3``: 1x1, then 5x5 (``large``)
    - ``branch4``: 3x3 max pooling, then 1x1

    Naive (figure 2a): in place of the 1x1 of ``branch2``, ``branch3`` and ``branch4`` is nothing (nn.Identity).

    Every convolution is a `ConvUnit`, also the 1x1 ones, and everything has stride 1 and the padding that keeps
    height and width. ``branch1`` is a single `ConvUnit`, the others are ``nn.Sequential`` of two parts.
    ``out_channels`` is the number of channels that come out: those of branch1 first, those of branch4 last. Naive,
    the pooling hands on all of its channels, so the module can only grow. (Szegedy et al. 2015, section 4.)
    """

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, int, int, int, int, int],
        reduction: bool = True,
        large: int = 5,
        batch_norm: bool = False,
    ):
        """Make ``branch1`` to ``branch4``, and count ``out_channels``.

        Args:
            in_channels: channels of the input.
            channels: of the 1x1; of the 1x1 before the 3x3, of the 3x3; of the 1x1 before the 5x5, of the 5x5; of
                the 1x1 behind the pooling. The naive module uses the first, third and fifth.
            reduction: with the 1x1 convolutions that cut the depth, or naive.
            large: the kernel of the third branch, odd; torchvision has 3 there instead of 5, a mistake that its
                published weights depend on.
            batch_norm: for every `ConvUnit`.
        """
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = channels
        if not reduction:
            reduce3 = reduce5 = pooled = in_channels
        self.out_channels = one + three + five + pooled
        self.branch1 = ConvUnit(in_channels, one, batch_norm=batch_norm)
        self.branch2 = nn.Sequential(
            ConvUnit(in_channels, reduce3, batch_norm=batch_norm) if reduction else nn.Identity(),
            ConvUnit(reduce3, three, 3, padding=1, batch_norm=batch_norm),
        )
        self.branch3 = nn.Sequential(
            ConvUnit(in_channels, reduce5, batch_norm=batch_norm) if reduction else nn.Identity(),
            ConvUnit(reduce5, five, large, padding=large // 2, batch_norm=batch_norm),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            ConvUnit(in_channels, pooled, batch_norm=batch_norm) if reduction else nn.Identity(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """float [B, in_channels, H, W] -> float [B, out_channels, H, W]."""
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class AuxiliaryHead(nn.Module):
    """A classifier in mid-network, whose loss (times 0.3) brings gradients there in training; section 5.

    Average pooling (5x5 at stride 3, or torchvision's adaptive one) of the 14x14 map to 4x4, 128 1x1
    convolutions, 1024 hidden units, dropout of 70 %.

    Args:
        size: height and width of the map; the paper's pooling makes another than 4x4 of another than 14x14.
    """

    def __init__(self, in_channels: int, size: int, classes: int, published: bool, width: float):
        super().__init__()
        side = 4 if published else conv_output_size(size, 5, 3)
        channels, hidden = scale_channels(128, width), scale_channels(1024, width)
        self.pool = nn.AdaptiveAvgPool2d(side) if published else nn.AvgPool2d(5, 3)
        self.conv = ConvUnit(in_channels, channels, batch_norm=published)
        self.fc1 = nn.Linear(channels * side * side, hidden)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """float [B, in_channels, H, W] -> logits float [B, classes]."""
        features = self.conv(self.pool(x)).flatten(1)
        return self.fc2(self.dropout(self.relu(self.fc1(features))))


def global_average_pool(x: Tensor) -> Tensor:
    """Take the mean of every channel over its whole map.

    In GoogLeNet this takes the place of the fully connected layers, which hold most of AlexNet's and VGG's weights.

    Args:
        x: float [B, C, H, W], for any H and W.
    Returns:
        float [B, C].

    Example:
        >>> global_average_pool(torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 4.0]]]]))
        tensor([[3., 1.]])
    """
    return x.mean(dim=(2, 3))


def class_activation_maps(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Ask a linear classifier that stands behind global average pooling about each position of the map instead.

    The classifier gives class k the logit ``weight[k] . v + bias[k]``, where v [C] is the averaged map. Its
    activation map holds the same sum at every position, where v is what the map holds there, channel by channel.
    A sum of products and a mean may change places: the mean of the activation map is the logit. (Zhou et al. 2016,
    who leave out the bias.)

    Args:
        features: float [B, C, H, W], the map that is averaged.
        weight, bias: of the classifier (nn.Linear): float [K, C] and [K], K classes.
    Returns:
        float [B, K, H, W]: what position (y, x) of image b says for class k, at [b, k, y, x].

    Example, one position, two channels, and two classes:
        >>> weight, bias = torch.tensor([[1.0, 2.0], [-1.0, 0.0]]), torch.tensor([0.5, 0.0])
        >>> class_activation_maps(torch.tensor([3.0, 1.0]).reshape(1, 2, 1, 1), weight, bias).flatten()
        tensor([ 5.5000, -3.0000])
    """
    return torch.einsum("kc,bchw->bkhw", weight, features) + bias[:, None, None]


class GoogLeNet(nn.Module):
    """GoogLeNet: images float [B, 3, 224, 224] to logits [B, classes].

    Args:
        variant: "paper" has 5x5 filters, biases, local response normalisation, and auxiliary heads that pool 5x5
            at stride 3. "torchvision" has 3x3 filters in their place, batch normalisation instead of biases and
            of the local one, a fourth pooling of 2x2, and auxiliary heads with adaptive pooling.
        aux: with the two auxiliary heads, behind modules 4a and 4d. In training mode the network then returns
            `GoogLeNetOutputs`; the heads are no part of its answer in evaluation mode.
        reduction: False builds every module in the naive form (figure 2a).
        width: this many times the channels.
        modules: rows as in `MODULES`; leaving some out makes a shallower network (the auxiliary heads need 4a
            and 4d).
        stem: "imagenet"; or "small" for images of 32 pixels: one 3x3 convolution of 64 channels in place of the
            first two halvings.
        input_size: height and width that the paper's auxiliary heads are made for; the rest takes any.
        dropout: before the last layer.
        rescale_input: torchvision's published weights expect images normalised to mean and deviation 0.5, not
            to those of ImageNet; this converts from the latter. `load_published` sets it.

    Raises:
        ValueError: there is no such variant or stem, or the auxiliary heads lack the modules that they stand behind.
    """

    def __init__(
        self,
        variant: str = "paper",
        classes: int = 1000,
        aux: bool = False,
        reduction: bool = True,
        width: float = 1.0,
        modules: dict[str, tuple[int, ...]] | None = None,
        stem: str = "imagenet",
        input_size: int = 224,
        dropout: float = 0.4,
        rescale_input: bool = False,
    ):
        super().__init__()
        if variant not in VARIANTS or stem not in ("imagenet", "small"):
            raise ValueError(
                f"variant={variant!r}, stem={stem!r}: variants are {', '.join(VARIANTS)}, stems imagenet, small."
            )
        modules = modules or MODULES
        if aux and not {"4a", "4d"} <= set(modules):
            raise ValueError(
                "The auxiliary heads stand behind the modules 4a and 4d: keep these, or aux=False."
            )
        self.input_size, self.rescale_input = input_size, rescale_input
        published = variant == "torchvision"
        channels = self._add_stem(stem, published, width)
        last_pool = nn.MaxPool2d(2, 2) if published else nn.MaxPool2d(3, 2, ceil_mode=True)
        pools = {"4": nn.MaxPool2d(3, 2, ceil_mode=True), "5": last_pool}
        self.path: list[str] = []
        for name, row in modules.items():
            if name[0] in pools:  # before the first module of stages 4 and 5
                self._append(f"maxpool{int(name[0]) - 1}", pools.pop(name[0]))
            scaled = tuple(scale_channels(number, width) for number in row)
            module = Inception(channels, scaled, reduction, 3 if published else 5, published)
            self._append(f"inception{name}", module)
            channels = module.out_channels
        self.aux = {"inception4a": "aux1", "inception4d": "aux2"} if aux else {}
        size = _map_size_in_stage_4(stem, input_size)
        for before, head in self.aux.items():
            inputs = getattr(self, before).out_channels
            setattr(self, head, AuxiliaryHead(inputs, size, classes, published, width))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        initialise(self)

    def _add_stem(self, stem: str, batch_norm: bool, width: float) -> int:
        """The layers before the first module; returns how many channels they give."""
        first, second = scale_channels(64, width), scale_channels(192, width)
        if stem == "small":
            self.stem = ["conv1"]
            self.conv1 = ConvUnit(3, first, 3, padding=1, batch_norm=batch_norm)
            return first
        self.stem = ["conv1", "maxpool1", "norm1", "conv2", "conv3", "norm2", "maxpool2"]
        self.conv1 = ConvUnit(3, first, 7, stride=2, padding=3, batch_norm=batch_norm)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.norm1 = nn.Identity() if batch_norm else LocalResponseNorm()
        self.conv2 = ConvUnit(first, first, 1, batch_norm=batch_norm)
        self.conv3 = ConvUnit(first, second, 3, padding=1, batch_norm=batch_norm)
        self.norm2 = nn.Identity() if batch_norm else LocalResponseNorm()
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        return second

    def _append(self, name: str, module: nn.Module) -> None:
        setattr(self, name, module)
        self.path.append(name)

    def forward(self, images: Tensor) -> Tensor | GoogLeNetOutputs:
        """float [B, 3, H, W] -> float [B, classes], or in training with auxiliary heads three of these."""
        x = rescale(images) if self.rescale_input else images
        for name in self.stem:
            x = getattr(self, name)(x)
        early = {}
        for name in self.path:
            x = getattr(self, name)(x)
            if self.training and name in self.aux:
                early[self.aux[name]] = getattr(self, self.aux[name])(x)
        logits = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(logits, early["aux2"], early["aux1"]) if early else logits


def _map_size_in_stage_4(stem: str, input_size: int) -> int:
    size = conv_output_size(input_size, 7, 2, 3) if stem == "imagenet" else input_size
    for _ in range(3 if stem == "imagenet" else 1):
        size = conv_output_size(size, 3, 2, ceil=True)
    return size


def rescale(images: Tensor) -> Tensor:
    """From channels normalised by ImageNet's mean and deviation to mean and deviation 0.5: float [B, 3, H, W]."""
    mean = images.new_tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = images.new_tensor([0.229, 0.224, 0.225])[:, None, None]
    return images * (deviation / 0.5) + (mean - 0.5) / 0.5


def googlenet(variant: str = "paper", **options) -> GoogLeNet:
    """GoogLeNet by the arguments of the class: images float [B, 3, 224, 224] to logits [B, 1000].

    Raises:
        ValueError: see `GoogLeNet`.
    """
    return GoogLeNet(variant, **options)
