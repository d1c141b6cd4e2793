"""From pictures to what networks take, as AlexNet did it (Krizhevsky et al. 2012, section 2).

Images are float [B, 3, H, W] here; those of a batch have one size.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# Of ImageNet's training images in [0, 1], channels R, G, B: what torchvision's published weights were trained with
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def to_floats(images: np.ndarray) -> Tensor:
    """From readers' images, uint8 [B, H, W, 3], to networks' images, float32 [B, 3, H, W] in [0, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def resize_shorter_side(images: Tensor, size: int = 256) -> Tensor:
    """Scale so that the shorter side has ``size`` pixels, keeping the aspect ratio (the longer is rounded down).

    Bilinear, and averaging over what falls together where the image gets smaller: leaving pixels out instead would
    turn fine texture into patterns that were not there.

    Args:
        images: float [B, 3, H, W].
    Returns:
        float [B, 3, size, size * W // H], or the other way round where an image is higher than wide.
    """
    height, width = images.shape[-2:]
    shorter = min(height, width)
    new = (size * height // shorter, size * width // shorter)
    return F.interpolate(images, new, mode="bilinear", antialias=True)


def center_crop(images: Tensor, size: int) -> Tensor:
    """The ``size`` x ``size`` pixels in the middle.

    Where they cannot lie exactly there, half a pixel is rounded to the even number, as torchvision does.

    Args:
        images: [B, 3, H, W] of any dtype.
    Returns:
        [B, 3, size, size].
    Raises:
        ValueError: the images are smaller than that.
    """
    height, width = images.shape[-2:]
    if min(height, width) < size:
        raise ValueError(f"Images of {height} x {width} have no crop of {size} x {size}: resize them first.")
    top, left = round((height - size) / 2), round((width - size) / 2)
    return images[..., top : top + size, left : left + size]


def mean_image(images: Tensor) -> Tensor:
    """The mean of every pixel over the training set: float [N, 3, H, W] -> float [3, H, W].

    AlexNet's only other preprocessing: ``images - mean_image(training_images)``, at test time too. It is the
    training set's mean that is subtracted from test images, for the network was trained around that.
    """
    return images.mean(dim=0)


def normalize(images: Tensor, mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION) -> Tensor:
    """Subtract one mean and divide by one deviation for each channel: float [B, 3, H, W] -> the same."""
    mean, deviation = (images.new_tensor(values)[:, None, None] for values in (mean, deviation))
    return (images - mean) / deviation


def published_input(images: np.ndarray) -> Tensor:
    """What torchvision's published ImageNet weights expect: uint8 [B, H, W, 3] -> float32 [B, 3, 224, 224].

    Shorter side 256, the 224 x 224 in the middle, mean and deviation of ImageNet.
    """
    return normalize(center_crop(resize_shorter_side(to_floats(images)), 224))
