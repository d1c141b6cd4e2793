"""AlexNet: Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks",
NIPS 2012, section 3; and Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
whose single-column network is torchvision's (lecture A2)."""

from cnncourse.classification.layers import Conv, ConvNet, Norm, Pool, scale_channels, scaled

# The paper states 224-pixel images and 55x55 maps, which need a padding of 2 (or 227 pixels and none). Groups of
# two: each of the paper's two GPUs holds half of the channels and, in these layers, sees only its own half.
PAPER = (
    Conv(96, 11, stride=4, padding=2),
    Norm(),
    Pool(),
    Conv(256, 5, padding=2, groups=2),
    Norm(),
    Pool(),
    Conv(384, 3, padding=1),
    Conv(384, 3, padding=1, groups=2),
    Conv(256, 3, padding=1, groups=2),
    Pool(),
)
TORCHVISION = (
    Conv(64, 11, stride=4, padding=2),
    Pool(),
    Conv(192, 5, padding=2),
    Pool(),
    Conv(384, 3, padding=1),
    Conv(256, 3, padding=1),
    Conv(256, 3, padding=1),
    Pool(),
)
TABLES = {"paper": PAPER, "torchvision": TORCHVISION}


def alexnet(variant: str = "paper", width: float = 1.0, stem: Conv | None = None, **options) -> ConvNet:
    """AlexNet: images float [B, 3, 224, 224] to logits [B, 1000].

    Args:
        variant: "paper" has two groups, local response normalisation, and dropout behind the two hidden fully
            connected layers; "torchvision" has neither groups nor normalisation, fewer filters, and dropout in
            front of those layers.
        width: this many times the channels and hidden units.
        stem: replaces the first convolution, whose channels it names before ``width`` applies. For 32-pixel
            images: ``alexnet(width=0.25, stem=Conv(96, 5, 1, 2), input_size=32, classes=10)``.
        options: ``classes``, ``input_size``, ``dropout``, ``activation`` ... of `ConvNet`.
    Raises:
        ValueError: there is no such variant, or images of ``input_size`` are too small.
    """
    if variant not in TABLES:
        raise ValueError(f"variant={variant!r}: AlexNet's are {', '.join(map(repr, TABLES))}.")
    table = TABLES[variant]
    table = scaled((stem or table[0], *table[1:]), width)
    hidden = scale_channels(4096, width)
    options = {"hidden": (hidden, hidden), "dropout_first": variant == "torchvision"} | options
    return ConvNet(table, **options)
