"""AlexNet's data augmentation and ten-crop testing (Krizhevsky et al. 2012, section 4.1).

Images are [B, 3, H, W]; each image of a batch gets draws of its own. Everything random comes from a generator that
is handed in, and is drawn on its device: the same generator gives the same on every machine.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.data.preprocessing import center_crop


def random_crop(images: Tensor, size: int, generator: torch.Generator, padding: int = 0) -> Tensor:
    """Cut a ``size`` x ``size`` piece out of each image, every position equally likely.

    Each image of the batch gets a position of its own, and the piece may lie anywhere, at the border too. AlexNet
    takes 224 of 256 pixels. On CIFAR-10, networks take 32 of 32 pixels that were padded by 4 on each side with
    zeros (He et al. 2016, section 4.2).

    Args:
        images: [B, C, H, W] of any dtype, whole numbers too.
        size: at most H + 2 * padding and W + 2 * padding.
        generator: the source of all that is random here; it draws on the CPU.
        padding: zeros that are put around the images first, in pixels on each side.
    Returns:
        [B, C, size, size] of the same dtype.
    Raises:
        ValueError: the images are too small.
    """
    images = F.pad(images, (padding,) * 4)
    count, _, height, width = images.shape
    if min(height, width) < size:
        raise ValueError(f"Images of {height} x {width} (padding included) have no crop of {size} x {size}.")
    tops = torch.randint(height - size + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(width - size + 1, (count,), generator=generator).tolist()
    crops = [
        image[:, top : top + size, left : left + size]
        for image, top, left in zip(images, tops, lefts, strict=True)
    ]
    return torch.stack(crops)


def random_reflection(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each image left to right, or leave it, both equally likely and for each image by itself.

    Args:
        images: [B, C, H, W] of any dtype.
        generator: the source of all that is random here; it draws on the CPU.
    Returns:
        [B, C, H, W] of the same dtype.
    """
    mirrored = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(mirrored.to(images.device)[:, None, None, None], images.flip(-1), images)


def principal_colours(images: Tensor) -> tuple[Tensor, Tensor]:
    """The principal components of the colours of all pixels of a training set.

    Every pixel of every image is one point (R, G, B). The covariance of these points is the 3 x 3 matrix of the
    mean of (c_i - mean of c_i) * (c_j - mean of c_j) for colours i and j. Its eigenvectors are the directions in
    which the colours vary, its eigenvalues their variances. All of it is computed in float64: in float32 the sums
    over a million pixels would lose their fourth digit, and on each processor another one.

    Args:
        images: float [N, 3, H, W] in [0, 1].
    Returns:
        (values, directions): the eigenvalues, float [3], the largest first; and the unit eigenvectors as *columns*
        in the same order, float [3, 3]. The sign of a column means nothing. Both are of the images' dtype.
    """
    pixels = images.transpose(0, 1).flatten(1).double()  # [3, N * H * W]
    pixels = pixels - pixels.mean(dim=1, keepdim=True)
    covariance = pixels @ pixels.T / pixels.shape[1]
    values, directions = torch.linalg.eigh(covariance)
    return values.flip(0).to(images.dtype), directions.flip(1).to(images.dtype)


def shift_colours(images: Tensor, values: Tensor, directions: Tensor, alphas: Tensor) -> Tensor:
    """Move all pixels of an image by one and the same colour, along the principal components.

    What is added to every pixel (R, G, B) of image b is the sum over i of alphas[b, i] * values[i] * p_i, where p_i
    is column i of ``directions``: the light changes, not what is to be seen.

    Source: section 4.1. With eigenvalues, that is variances, as factors the strength depends on the scale of
    the images, here [0, 1]. The authors' own code scales by standard deviations instead, for which give
    ``values.sqrt()``.

    Args:
        images: float [B, 3, H, W] in [0, 1].
        values, directions: from `principal_colours`.
        alphas: float [B, 3], one random vector an image.
    Returns:
        float [B, 3, H, W]; values may leave [0, 1].

    Example, a black pixel and directions that are the colours themselves:
        >>> values, alphas = torch.tensor([4.0, 2.0, 1.0]), torch.tensor([[0.25, 0.5, -1.0]])
        >>> shift_colours(torch.zeros(1, 3, 1, 1), values, torch.eye(3), alphas).flatten()
        tensor([ 1.,  1., -1.])
    """
    shifts = (alphas * values) @ directions.T  # [B, 3]
    return images + shifts[:, :, None, None]


def random_colour(
    images: Tensor, values: Tensor, directions: Tensor, generator: torch.Generator, deviation: float = 0.1
) -> Tensor:
    """`shift_colours` by alphas drawn from a normal distribution with mean 0 and this ``deviation``.

    Args:
        images: float [B, 3, H, W] in [0, 1].
        values, directions: from `principal_colours`, on any device.
        generator: the source of all that is random here; it draws on the CPU.
        deviation: of the alphas.
    Returns:
        float [B, 3, H, W]; values may leave [0, 1].
    """
    alphas = deviation * torch.randn(len(images), 3, generator=generator, dtype=images.dtype)
    values, directions = values.to(images), directions.to(images)
    return shift_colours(images, values, directions, alphas.to(images.device))


def ten_crops(images: Tensor, size: int) -> Tensor:
    """Cut ten pieces out of each image: the four corners, the middle, and the mirror images of these five.

    Args:
        images: [B, C, H, W], H and W at least ``size``.
        size: height and width of the pieces; the one in the middle is where `center_crop` has it.
    Returns:
        [B, 10, C, size, size]: top left, top right, bottom left, bottom right, middle; then the five mirrored, in
        the same order.
    Raises:
        ValueError: the images are too small.
    """
    middle = center_crop(images, size)
    crops = [
        images[..., :size, :size],
        images[..., :size, -size:],
        images[..., -size:, :size],
        images[..., -size:, -size:],
        middle,
    ]
    return torch.stack([*crops, *(crop.flip(-1) for crop in crops)], dim=1)


def average_probabilities(logits: Tensor) -> Tensor:
    """Make one prediction out of several crops': the mean of their *probabilities*.

    Each crop's logits become probabilities by themselves, and these are averaged. The mean of the logits would be
    something else: one very sure crop could outvote nine. Source: section 4.1, which averages the predictions of
    the softmax layer.

    Args:
        logits: float [B, crops, classes], any number of crops.
    Returns:
        float [B, classes], rows sum to one.
    """
    return logits.softmax(dim=-1).mean(dim=1)


def predict_ten_crops(model: Callable[[Tensor], Tensor], images: Tensor, size: int) -> Tensor:
    """Ten-crop testing: the mean of what a network says about `ten_crops` of an image.

    Args:
        model: from float [B, 3, size, size] to logits [B, classes].
        images: float [B, 3, H, W], H and W at least ``size``.
        size: height and width of the crops.
    Returns:
        Probabilities, float [B, classes].
    Raises:
        ValueError: the images are too small.
    """
    crops = ten_crops(images, size)
    logits = model(crops.flatten(0, 1))
    return average_probabilities(logits.unflatten(0, (len(images), 10)))
