"""Networks that go down and up again: with unpooling, and U-shaped with skips (S10)."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class UnpoolingNet(nn.Module):
    """An encoder with max pooling and its mirror image, a decoder that unpools to the remembered positions.

    Badrinarayanan, Kendall and Cipolla, "SegNet" (2017), after Noh, Hong and Han, "Learning Deconvolution Network"
    (2015). Convolutions are 3 x 3, padded, each followed by batch normalisation and a rectifier; a last convolution
    scores. SegNet is `UnpoolingNet(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 21)`, VGG-16's convolutions
    twice.

    Args:
        stages: (channels, convolutions) between one pooling and the next.
        num_classes: scores a pixel.
        in_channels: of the images.
    """

    def __init__(self, stages: Sequence[tuple[int, int]], num_classes: int, in_channels: int = 3):
        super().__init__()
        widths = [in_channels, *(channels for channels, _ in stages)]
        counts = [count for _, count in stages]
        down = list(zip(pairwise(widths), counts, strict=True))
        self.encoder = nn.ModuleList(_convolutions([a] + [b] * count) for (a, b), count in down)
        # the mirror image of a stage narrows in its last convolution; the very last one keeps, the scores follow
        up = [((b, a if i else b), count) for i, ((a, b), count) in enumerate(down)][::-1]
        self.decoder = nn.ModuleList(_convolutions([b] * count + [a]) for (b, a), count in up)
        self.score = nn.Conv2d(widths[1], num_classes, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of every pixel.

        Args:
            images: float ``[B, C, H, W]``, H and W at least ``2 ** stages``.

        Returns:
            ``[B, num_classes, H, W]``.

        Raises:
            ValueError: the images have other dimensions, or are smaller.
        """
        _check_images(images, 2 ** len(self.encoder))
        x, remembered = images, []
        for stage in self.encoder:
            x = stage(x)
            size = x.shape[-2:]
            x, positions = F.max_pool2d(x, 2, return_indices=True)
            remembered.append((positions, size))
        for stage in self.decoder:
            positions, size = remembered.pop()
            x = stage(F.max_unpool2d(x, positions, 2, output_size=size))
        return self.score(x)


class UNet(nn.Module):
    """The U-shaped network: upsampled maps are concatenated with the maps of the way down.

    Ronneberger, Fischer and Brox, "U-Net" (2015): two 3 x 3 convolutions a level, channels doubled on the way down, 2 x
    2 transposed convolutions on the way up. The paper's is `UNet(2, in_channels=1)`: 572 x 572 in, 388 x 388 out.

    Args:
        num_classes: scores a pixel.
        widths: channels of every level.
        in_channels: of the images.
        padding: 0, as in the paper: every convolution costs a pixel on each side, maps of the way down are cropped to
            their middle and the scores are those of the image's middle. 1 keeps sizes.
    """

    def __init__(
        self,
        num_classes: int,
        widths: Sequence[int] = (64, 128, 256, 512, 1024),
        in_channels: int = 3,
        padding: int = 0,
    ):
        super().__init__()
        self.padding = padding
        self.down = nn.ModuleList(
            _convolutions([a, b, b], padding, batch_norm=False) for a, b in pairwise([in_channels, *widths])
        )
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for b, a in pairwise(widths[::-1]))
        self.up = nn.ModuleList(
            _convolutions([2 * a, a, a], padding, batch_norm=False) for a in widths[-2::-1]
        )
        self.score = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Scores of the image's middle, or with padding of every pixel.

        Args:
            images: float ``[B, C, H, W]``.

        Returns:
            ``[B, num_classes, H_out, W_out]``, the sides by `out_size`.

        Raises:
            ValueError: a side does not go through, see `out_size`.
        """
        for side in images.shape[-2:]:
            self.out_size(side)
        maps, x = [], images
        for level, convolutions in enumerate(self.down):
            x = convolutions(F.max_pool2d(x, 2) if level else x)
            maps.append(x)
        maps.pop()
        for enlarge, convolutions in zip(self.enlarge, self.up, strict=True):
            x = enlarge(x)
            x = convolutions(torch.cat((center_crop(maps.pop(), x.shape[-2:]), x), 1))
        return self.score(x)

    def out_size(self, size: int) -> int:
        """The side of the scores for an image's side, both in pixels.

        Args:
            size: height or width of the image.

        Returns:
            That of the scores.

        Raises:
            ValueError: a map of this side could not be halved at some level, or nothing would be left.
        """
        lost, side = 4 * (1 - self.padding), size
        for level in range(len(self.down)):
            if level and (side % 2 or side < 2):
                raise ValueError(
                    f"an image side of {size} gives {side} cells at level {level}, which cannot be halved"
                )
            side = (side // 2 if level else side) - lost
        if side < 1:
            raise ValueError(f"an image side of {size} is too small: nothing is left at the lowest level")
        for _ in self.up:
            side = 2 * side - lost
        if side < 1:
            raise ValueError(f"an image side of {size} is too small: no score is left")
        return side


def center_crop(x: Tensor, size: tuple[int, int]) -> Tensor:
    """The middle of a map.

    Args:
        x: ``[B, C, H, W]``.
        size: (height, width), at most (H, W).

    Returns:
        ``[B, C, height, width]``; where it cannot be the very middle, half a cell further up or left.
    """
    top, left = ((a - b) // 2 for a, b in zip(x.shape[-2:], size, strict=True))
    return x[..., top : top + size[0], left : left + size[1]]


def _convolutions(widths: Sequence[int], padding: int = 1, batch_norm: bool = True) -> nn.Sequential:
    layers = []
    for a, b in pairwise(widths):
        layers += [
            nn.Conv2d(a, b, 3, padding=padding),
            *([nn.BatchNorm2d(b)] if batch_norm else []),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _check_images(images: Tensor, smallest: int) -> None:
    if images.ndim != 4 or min(images.shape[-2:]) < smallest:
        raise ValueError(
            f"images must be [B, C, H, W] and at least {smallest} pixels high and wide, got {list(images.shape)}"
        )
