"""ResNet: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016; the plain networks
that it is compared with; and the small networks for CIFAR-10 of its section 4.2."""

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.classification.layers import initialise, scale_channels


def padding_shortcut(x: Tensor, channels: int, stride: int = 1) -> Tensor:
    """A shortcut without weights to a smaller and deeper map (option A of He et al. 2016, section 3.3).

    Every ``stride``-th row and column is kept, beginning with the first, and channels of zeros are added behind
    those of ``x``.

    Args:
        x: float [B, C, H, W].
        channels: of the result, at least C.
        stride: how far apart the rows and columns are that are kept; 1 keeps all.

    Returns:
        [B, channels, ceil(H / stride), ceil(W / stride)], with the dtype and on the device of ``x``.

    Example:
        >>> x = torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]])  # one channel, 3 x 3
        >>> padding_shortcut(x, channels=2, stride=2)
        tensor([[[[1., 3.],
                  [7., 9.]],
        <BLANKLINE>
                 [[0., 0.],
                  [0., 0.]]]])
    """
    kept = x[:, :, ::stride, ::stride]
    return F.pad(kept, (0, 0, 0, 0, 0, channels - x.shape[1]))


class PaddingShortcut(nn.Module):
    """`padding_shortcut` as a layer: float [B, C, H, W] -> [B, channels, ceil(H / stride), ceil(W / stride)]."""

    def __init__(self, channels: int, stride: int):
        super().__init__()
        self.channels, self.stride = channels, stride

    def forward(self, x: Tensor) -> Tensor:
        return padding_shortcut(x, self.channels, self.stride)


def make_shortcut(kind: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """What brings a block's input to the shape of its output (options A, B and C of section 3.3).

    Where the shape stays (``in_channels`` is ``out_channels`` and the stride is 1) and ``kind`` allows it, that is
    ``nn.Identity()``. Otherwise it is `PaddingShortcut`, or a projection: an ``nn.Sequential`` of a 1x1 convolution
    that has the stride and no bias, and a batch normalisation. The names of a projection's weights are
    ``0.weight`` for the convolution, ``1.weight``, ``1.bias``, ... for the normalisation.

    Args:
        kind: "padding" (A: padding where the shape changes), "projection" (B: projection where the shape changes)
            or "all projections" (C: projection everywhere).
        in_channels, out_channels, stride: of the block.

    Returns:
        A module from float [B, in_channels, H, W] to [B, out_channels, ceil(H / stride), ceil(W / stride)].

    Raises:
        ValueError: ``kind`` is none of the three, whatever the shapes.
    """
    if kind not in ("padding", "projection", "all projections"):
        raise ValueError(f'shortcut={kind!r}: known are "padding", "projection" and "all projections".')
    same = stride == 1 and in_channels == out_channels
    if same and kind != "all projections":
        return nn.Identity()
    if kind == "padding":
        return PaddingShortcut(out_channels, stride)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut around them (figure 5, left).

        y = relu(x' + bn2(conv2(relu(bn1(conv1(x))))))

    where x' = downsample(x) has the shape of y: x itself where the shape stays. The first convolution has the
    stride; both pad by 1 and have no bias, for batch normalisation brings its own. Each has a normalisation of its
    own. A plain block has the same layers without the addition: y = relu(bn2(conv2(relu(bn1(conv1(x)))))).

    Attributes: ``conv1``, ``bn1``, ``conv2``, ``bn2``, ``relu``; ``residual``; ``downsample``, the shortcut that
    `make_shortcut` gives, or None in a plain block. Weights are loaded by these names.

    Args:
        in_channels: of x, float [B, in_channels, H, W].
        channels: of both convolutions, and of y, float [B, channels, ceil(H / stride), ceil(W / stride)].
        stride: of the block.
        shortcut: which kind, see `make_shortcut`.
        residual: False leaves the addition out: a plain block.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: str = "projection",
        residual: bool = True,
    ):
        """Make the layers, under the names above. An ``nn.Module`` calls ``super().__init__()`` first."""
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.residual = residual
        self.downsample = make_shortcut(shortcut, in_channels, channels, stride) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Compute y: float [B, in_channels, H, W] -> [B, channels, ceil(H / stride), ceil(W / stride)]."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.residual:
            out += self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """A 1x1 convolution that cuts the channels, a 3x3, a 1x1 that gives back four times as many; and a shortcut
    around them (figure 5, right).

        y = relu(x' + bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))))

    where x' = downsample(x) has the shape of y. Only the 3x3 convolution pads (by 1), and none has a bias. A plain
    block leaves the addition out.

    Attributes: ``conv1`` to ``conv3``, ``bn1`` to ``bn3``, ``relu``, ``downsample``, ``residual`` as in
    `BasicBlock`.

    Args:
        in_channels: of x, float [B, in_channels, H, W].
        channels: of the 3x3 convolution; y has ``4 * channels``.
        stride, shortcut, residual: as in `BasicBlock`.
        stride_in: which convolution has the stride: "1x1" is the paper's, the first; "3x3" is torchvision's, which
            passes over fewer positions and costs ResNet-50 6 % more.

    Raises:
        ValueError: ``stride_in`` is neither.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        shortcut: str = "projection",
        residual: bool = True,
        stride_in: str = "1x1",
    ):
        """Make the layers, under the names above."""
        super().__init__()
        if stride_in not in ("1x1", "3x3"):
            raise ValueError(f'stride_in={stride_in!r}: "1x1" (the paper) or "3x3" (torchvision).')
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = nn.Conv2d(in_channels, channels, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU(inplace=True)
        self.residual = residual
        self.downsample = make_shortcut(shortcut, in_channels, 4 * channels, stride) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Compute y: float [B, in_channels, H, W] -> [B, 4 * channels, ceil(H / stride), ceil(W / stride)]."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.residual:
            out += self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Stages of residual blocks: images float [B, 3, H, W] to logits [B, classes].

    In this order: the stem (``conv1``, ``bn1``, ``relu``, ``maxpool``), the stages (``layer1``, ``layer2``, ..., whose
    names are in ``stages``), global average pooling (``avgpool``) and one fully connected layer (``fc``). Each stage
    but the first halves the map and doubles the channels.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        blocks: how many blocks each stage has.
        channels: of the first stage (before a bottleneck's expansion).
        stem: "imagenet": a 7x7 convolution at stride 2 and a 3x3 pooling at stride 2; "small": one 3x3
            convolution, for images of 16 to 64 pixels.
        classes: logits.
        input_size: what the network is meant for; it takes other sizes.
        block_options: ``shortcut``, ``residual``, and a bottleneck's ``stride_in``.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: Sequence[int],
        channels: int = 64,
        stem: str = "imagenet",
        classes: int = 1000,
        input_size: int = 224,
        **block_options,
    ):
        super().__init__()
        if stem not in ("imagenet", "small"):
            raise ValueError(f'stem={stem!r}: "imagenet" or "small".')
        self.input_size = input_size
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(3, channels, kernel, stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1) if stem == "imagenet" else nn.Identity()
        self.stages = [f"layer{number}" for number in range(1, len(blocks) + 1)]
        width = channels
        for number, (name, count) in enumerate(zip(self.stages, blocks, strict=True)):
            stride = 1 if number == 0 else 2
            stage = self.make_stage(block, width, channels * 2**number, count, stride, **block_options)
            setattr(self, name, stage)
            width = channels * 2**number * block.expansion
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes)
        initialise(self)

    def make_stage(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        in_channels: int,
        channels: int,
        count: int,
        stride: int,
        **block_options,
    ) -> nn.Sequential:
        """Put ``count`` blocks in a row. The first takes ``in_channels`` and has the stride; the others have none.

        Args:
            block: its results have ``channels * block.expansion`` channels; the next block takes them.
            in_channels: of the stage's input.
            channels: of every block.
            count: at least 1.
            stride: of the whole stage.
            block_options: handed on to every block.
        """
        parts = [block(in_channels, channels, stride, **block_options)]
        for _ in range(count - 1):
            parts.append(block(channels * block.expansion, channels, **block_options))
        return nn.Sequential(*parts)

    def forward(self, images: Tensor) -> Tensor:
        """Compute the logits: float [B, 3, H, W] -> [B, classes]."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(self.avgpool(x).flatten(1))


SHORTCUTS = ("padding", "projection", "all projections")  # those of `make_shortcut`
DEPTHS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


def resnet(depth: int = 50, variant: str = "paper", width: float = 1.0, **options) -> ResNet:
    """ResNet for ImageNet: images float [B, 3, 224, 224] to logits [B, 1000].

    Args:
        depth: 18, 34, 50, 101 or 152 layers with weights.
        variant: where bottlenecks have their stride: "paper" in the 1x1, "torchvision" in the 3x3.
        width: this many times the channels.
        options: ``shortcut``, ``stem``, ``classes``, ``input_size``; ``residual=False`` is the *plain* network of
            the same layers.
    Raises:
        ValueError: there is no such depth, variant, shortcut or stem.
    """
    if depth not in DEPTHS or variant not in ("paper", "torchvision"):
        raise ValueError(
            f"depth={depth}, variant={variant!r}: depths are {list(DEPTHS)}, variants paper, torchvision."
        )
    _check_shortcut(options)
    block, blocks = DEPTHS[depth]
    if block is Bottleneck:
        options = {"stride_in": "1x1" if variant == "paper" else "3x3"} | options
    return ResNet(block, blocks, scale_channels(64, width), **options)


def cifar_resnet(depth: int = 20, width: float = 1.0, **options) -> ResNet:
    """ResNet for CIFAR-10 (section 4.2): images float [B, 3, 32, 32] to logits [B, 10].

    A 3x3 convolution, three stages of 16, 32 and 64 channels with n basic blocks each, shortcuts that pad (option
    A): 6n + 2 layers with weights. The paper has 20, 32, 44, 56, 110 and 1202.

    Args:
        depth: 6n + 2.
        width: this many times the channels.
        options: as for `resnet`; ``residual=False`` is the plain network.
    Raises:
        ValueError: there is no such depth, shortcut or stem.
    """
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"depth={depth}: these networks have 6n + 2 layers: 8, 14, 20, 32, 44, 56, 110, ...")
    options = {"stem": "small", "shortcut": "padding", "classes": 10, "input_size": 32} | options
    _check_shortcut(options)
    return ResNet(BasicBlock, [(depth - 2) // 6] * 3, scale_channels(16, width), **options)


def _check_shortcut(options: Mapping) -> None:
    """Blocks check their shortcut when they make it, and those of a plain network make none."""
    if (kind := options.get("shortcut", "projection")) not in SHORTCUTS:
        raise ValueError(f"shortcut={kind!r}: known are {', '.join(map(repr, SHORTCUTS))}.")
