"""HOG written as a convolutional network with fixed weights: hand-made features are convolutional feature maps.

Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them" (2015, section 4.1), do the same
with another flavour of HOG; this one is `cnncourse.classical.hog.hog`, to rounding.

| HOG                                | layers                                                                       |
|------------------------------------|------------------------------------------------------------------------------|
| gradients                          | two 1-D convolutions with (-1, 0, 1)                                         |
| bins of 18 signed directions       | 1x1 convolution with directional filters, then a gate                        |
| 9 unsigned directions              | 1x1 convolution that adds each direction and its opposite                    |
| histograms in cells                | average pooling                                                              |
| the cells of a block side by side  | convolution with zeros and ones, 2x2 cells of 9 to 36 channels               |
| L2-Hys                             | local response normalisation, clipping, local response normalisation         |

The last row needs the row before it. Local response normalisation divides by responses of *other channels at the
same position*, HOG by those of *the cells around it* as well: applied to the cells' 9 channels it would know nothing
of the neighbourhood's contrast, and give every cell once instead of four times. Over the 36 channels of a block, with
a window that holds all of them (AlexNet's holds 5 neighbouring channels), exponent 1/2 (AlexNet's: 3/4) and nearly no
constant (AlexNet's: 2), it is HOG's normalisation.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.classical.hog import CLIP, EPS


def directional_filters(count: int) -> Tensor:
    """1x1 filters, one for each of ``count`` directions: their response to a gradient is its part across it.

    Response k is length * sin(angle - k * 360 / count): not negative for gradients from direction k up to half a turn
    further.

    Args:
        count: number of directions, even.

    Returns:
        float64 ``[count, 2, 1, 1]``.
    """
    angles = torch.arange(count // 2, dtype=torch.float64) * (2 * math.pi / count)
    half = torch.stack((-angles.sin(), angles.cos()), 1)
    return torch.cat((half, -half))[..., None, None]  # exactly opposite, where sin(pi) is not exactly 0


def gate(gradients: Tensor, across: Tensor) -> Tensor:
    """Let the length of a gradient through in the channel of its direction, and 0 in the others.

    A direction lies in bin k if it is past its beginning and not past that of bin k + 1.

    Args:
        gradients: ``[B, 2, H, W]``.
        across: ``[B, D, H, W]``, their responses to `directional_filters`.

    Returns:
        ``[B, D, H, W]``.
    """
    inside = (across >= 0) & (across.roll(-1, 1) < 0)
    return torch.linalg.vector_norm(gradients, dim=1, keepdim=True) * inside


def stack_blocks(channels: int, block: int) -> Tensor:
    """A kernel of zeros and ones that puts the cells of each block into the channels of one position.

    Args:
        channels: of the map of cells.
        block: height and width of a block in cells.

    Returns:
        float64 ``[block * block * channels, channels, block, block]``; output channels are ordered by row in the block,
        column in the block, channel.
    """
    one_hot = torch.eye(block * block * channels, dtype=torch.float64)
    return one_hot.view(-1, block, block, channels).movedim(-1, 1)


def normalize_over_channels(x: Tensor) -> Tensor:
    """Divide by the length of all channels at a position, with local response normalisation.

    Args:
        x: floating point ``[B, C, H, W]``.

    Returns:
        ``[B, C, H, W]``; ``x / sqrt(sum of squares + EPS ** 2)``, 0 where all channels are.
    """
    size = 2 * x.shape[1] - 1  # centred on any channel, the window reaches all others
    return F.local_response_norm(x, size, alpha=size, beta=0.5, k=EPS**2)  # PyTorch divides alpha by size


class HOGNetwork(nn.Module):
    """HOG (L2-Hys) of grey images as a network; its weights are buffers, nothing is learnt.

    Args:
        orientations: number of bins: without ``signed`` half the number of directions.
        cell: height and width of a cell in pixels.
        block: height and width of a block in cells.
        signed: leave out the fold and keep ``2 * orientations`` directions.
    """

    def __init__(self, orientations: int = 9, cell: int = 8, block: int = 2, signed: bool = False):
        super().__init__()
        self.cell = cell
        channels = 2 * orientations if signed else orientations
        fold = torch.eye(channels, dtype=torch.float64)
        fold = fold if signed else fold.repeat(1, 2)
        weights = {
            "difference": torch.tensor([[[[-1.0, 0.0, 1.0]]]]),
            "directions": directional_filters(2 * orientations),
            "fold": fold[..., None, None],
            "blocks": stack_blocks(channels, block),
        }
        for name, weight in weights.items():
            self.register_buffer(name, weight.to(torch.get_default_dtype()))

    def forward(self, images: Tensor) -> Tensor:
        """The descriptors of all blocks.

        Args:
            images: floating point ``[B, 1, H, W]``.

        Returns:
            ``[B, block * block * D, H // cell - block + 1, W // cell - block + 1]``, D the number of orientations or
            directions; the channels are in the order of `hog`'s last three axes.

        Raises:
            ValueError: the images have other dimensions or several channels, or are smaller than a block.
        """
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(f"HOGNetwork takes grey images [B, 1, H, W], got {list(images.shape)}.")
        block = self.blocks.shape[-1] * self.cell
        if min(images.shape[2:]) < block:
            raise ValueError(f"Images of {list(images.shape[2:])} hold no block: {block} x {block} pixels.")
        x = F.pad(F.conv2d(images, self.difference), (1, 1))  # 0 where a neighbour is missing
        y = F.pad(F.conv2d(images, self.difference.mT), (0, 0, 1, 1))
        gradients = torch.cat((x, y), 1)
        votes = gate(gradients, F.conv2d(gradients, self.directions))
        cells = F.avg_pool2d(F.conv2d(votes, self.fold), self.cell)
        blocks = normalize_over_channels(F.conv2d(cells, self.blocks))
        return normalize_over_channels(blocks.clamp(max=CLIP))
