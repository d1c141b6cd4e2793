"""ZFNet: Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.1 and
figure 3: AlexNet with a first layer of 7x7 filters at stride 2, which looking at AlexNet's filters suggested
(lecture A7)."""

from cnncourse.classification.layers import Conv, ConvNet, Norm, Pool, scale_channels, scaled

MIDDLE = (384, 384, 256)  # AlexNet's conv3 to conv5
WIDENED = (512, 1024, 512)  # the paper's experiment on sizes (table 3)


def zfnet(
    middle: tuple[int, int, int] = MIDDLE, width: float = 1.0, stem: Conv | None = None, **options
) -> ConvNet:
    """ZFNet: images float [B, 3, 224, 224] to logits [B, 1000].

    Poolings round their sizes up, which gives the paper's maps 110, 55, 26, 13. Contrast is normalised across
    channels behind the first two poolings as in AlexNet; the paper leaves the constants open.

    Args:
        middle: channels of the last three convolutions, `MIDDLE` or `WIDENED`.
        width: this many times the channels and hidden units.
        stem: replaces the first convolution, see `alexnet`.
        options: ``classes``, ``input_size``, ``dropout``, ``activation`` ... of `ConvNet`.
    Raises:
        ValueError: images of ``input_size`` are too small.
    """
    table = (
        stem or Conv(96, 7, stride=2, padding=1),
        Pool(ceil=True),
        Norm(),
        Conv(256, 5, stride=2),
        Pool(ceil=True),
        Norm(),
        *(Conv(channels, 3, padding=1) for channels in middle),
        Pool(ceil=True),
    )
    hidden = scale_channels(4096, width)
    return ConvNet(scaled(table, width), **{"hidden": (hidden, hidden)} | options)
