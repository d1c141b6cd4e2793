"""VGG: Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR 2015,
table 1, configurations A, B, D and E (11, 13, 16 and 19 layers with weights; lecture A8)."""

from collections.abc import Sequence

from torch import nn

from cnncourse.classification.layers import Conv, ConvNet, Pool, scale_channels, scaled

# (channels, 3x3 convolutions) between one halving of the map and the next
STAGES = {
    11: ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2)),
    13: ((64, 2), (128, 2), (256, 2), (512, 2), (512, 2)),
    16: ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)),
    19: ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)),
}


def vgg(depth: int | Sequence[tuple[int, int]] = 16, width: float = 1.0, **options) -> ConvNet:
    """VGG: images float [B, 3, 224, 224] to logits [B, 1000].

    Args:
        depth: 11, 13, 16 or 19; or stages of your own, (channels, convolutions) each. Three stages suit 32-pixel
            images: ``vgg(STAGES[11][:3], width=0.25, input_size=32, hidden=(256,), classes=10)``.
        width: this many times the channels and hidden units.
        options: ``classes``, ``input_size``, ``dropout``, ``batch_norm`` (a later addition, torchvision's
            ``_bn``), ``activation`` ... of `ConvNet`.
    Raises:
        ValueError: there is no such depth, or images of ``input_size`` are too small.
    """
    if isinstance(depth, int) and depth not in STAGES:
        raise ValueError(
            f"depth={depth}: VGG's are {', '.join(map(str, STAGES))}, or give stages of your own."
        )
    stages = STAGES[depth] if isinstance(depth, int) else depth
    table = []
    for channels, count in stages:
        table += [Conv(channels, 3, padding=1)] * count + [Pool(2, 2)]
    hidden = scale_channels(4096, width)
    return ConvNet(scaled(table, width), **{"hidden": (hidden, hidden)} | options)


def stacked_convolutions(channels: int, kernel: int = 3, layers: int = 3) -> nn.Sequential:
    """Stack convolutions that keep channels, height and width, each with a ReLU behind it.

    Three of 3x3 see as far as one of 7x7, ``stacked_convolutions(channels, 7, 1)``, with 27 C^2 instead of 49 C^2
    weights and three non-linearities instead of one (Simonyan and Zisserman 2015, section 2.3).

    Args:
        channels: of the input, and of every convolution's output.
        kernel: height and width of the filters; odd, so that zeros on all sides can keep the size.
        layers: how many convolutions.
    Returns:
        ``nn.Sequential`` of Conv2d, ReLU, Conv2d, ReLU, ... The convolutions have stride 1 and a bias; their
        weights are called 0.weight, 0.bias, 2.weight, 2.bias, ... It takes float [B, channels, H, W] and gives
        the same shape.
    Raises:
        ValueError: ``kernel`` is even.
    """
    if kernel % 2 == 0:
        raise ValueError(f"Filters of {kernel}x{kernel} have no centre, so padding cannot keep the size.")
    parts = []
    for _ in range(layers):
        parts += [nn.Conv2d(channels, channels, kernel, padding=kernel // 2), nn.ReLU()]
    return nn.Sequential(*parts)
