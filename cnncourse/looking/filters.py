"""A network's filters as pictures (lecture A5)."""

import torch
from torch import Tensor


def filters_as_images(weight: Tensor) -> Tensor:
    """Each filter stretched to the range of a picture, with zero as the grey in the middle.

    A filter is divided by its own largest absolute value, so the strongest weight is black (0), white (255) or a
    full colour; weak filters become as visible as strong ones. Value v becomes 127.5 + 127.5 * v / max|v|, rounded,
    where the maximum is over all channels of the filter: dividing each channel by itself would change the colours.

    Args:
        weight: float [N, C, h, w], the weight of a convolution as the layer has it; C is 3 for a first layer.
    Returns:
        uint8 [N, h, w, C]. A filter of zeros is grey (128) all over.

    Example:
        >>> filters_as_images(torch.tensor([[[[0.5, 0.0, -0.25]]]]))[0, :, :, 0]
        tensor([[255, 128,  64]], dtype=torch.uint8)
    """
    largest = weight.abs().amax(dim=(1, 2, 3), keepdim=True)
    scaled = weight / torch.where(largest > 0, largest, 1)
    return (127.5 + 127.5 * scaled).round().to(torch.uint8).permute(0, 2, 3, 1)
