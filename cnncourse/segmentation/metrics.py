"""The four measures of semantic segmentation, all from one confusion matrix.

Long, Shelhamer and Darrell, "Fully Convolutional Networks" (2015, section 5): with n_ij the number of pixels
of class i predicted as class j and t_i = sum_j n_ij. Void pixels count nowhere. A class that is absent is
left out of a mean instead of counting as 0 or 1; as in the reference code, a class absent from the truth but
predicted somewhere has an intersection over union of 0 and counts. When nothing is left to average the result
is NaN.
"""

import torch
from torch import Tensor


def confusion_matrix(prediction: Tensor, target: Tensor, num_classes: int, ignore: int = 255) -> Tensor:
    """Count pixels by true and predicted class.

    Add the matrices of several images and measure the sum: the measures are those of all pixels together.

    Args:
        prediction: integer classes, any shape.
        target: integer classes of the same shape; pixels equal to ``ignore`` are void.
        num_classes: K.
        ignore: the label of void pixels (Pascal VOC: 255).

    Returns:
        int64 ``[K, K]``: row = true class, column = predicted class.

    Raises:
        ValueError: when the shapes differ or a class outside ``0..K-1`` occurs at a pixel that is not void.
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape"
        )
    valid = target != ignore
    truth, predicted = target[valid].long(), prediction[valid].long()
    for name, labels in (("target", truth), ("prediction", predicted)):
        outside = labels[(labels < 0) | (labels >= num_classes)]
        if outside.numel():
            raise ValueError(f"the {name} holds class {int(outside[0])}, outside 0..{num_classes - 1}")
    counts = torch.bincount(truth * num_classes + predicted, minlength=num_classes**2)
    return counts.view(num_classes, num_classes)


def pixel_accuracy(matrix: Tensor) -> Tensor:
    """The share of pixels whose class is right: sum_i n_ii / sum_i t_i.

    Args:
        matrix: integers ``[K, K]`` from `confusion_matrix`.

    Returns:
        Scalar float64.
    """
    matrix = matrix.double()
    return matrix.diagonal().sum() / matrix.sum()


def mean_accuracy(matrix: Tensor) -> Tensor:
    """The mean over classes of n_ii / t_i, classes without a true pixel left out.

    Args:
        matrix: integers ``[K, K]`` from `confusion_matrix`.

    Returns:
        Scalar float64.
    """
    matrix = matrix.double()
    return torch.nanmean(matrix.diagonal() / matrix.sum(1))


def intersection_over_union(matrix: Tensor) -> Tensor:
    """n_ii / (t_i + sum_j n_ji - n_ii) of every class.

    Args:
        matrix: integers ``[K, K]`` from `confusion_matrix`.

    Returns:
        float64 ``[K]``; NaN where a class is absent.
    """
    matrix = matrix.double()
    right = matrix.diagonal()
    return right / (matrix.sum(0) + matrix.sum(1) - right)


def mean_iu(matrix: Tensor) -> Tensor:
    """The mean over classes of `intersection_over_union`, absent classes left out.

    Args:
        matrix: integers ``[K, K]`` from `confusion_matrix`.

    Returns:
        Scalar float64.
    """
    return torch.nanmean(intersection_over_union(matrix))


def frequency_weighted_iu(matrix: Tensor) -> Tensor:
    """`intersection_over_union` weighted by how many pixels each class has: sum_i t_i IU_i / sum_k t_k.

    Args:
        matrix: integers ``[K, K]`` from `confusion_matrix`.

    Returns:
        Scalar float64.
    """
    frequency = matrix.sum(1).double() / matrix.sum()
    present = frequency > 0
    if not present.any():
        return frequency.new_tensor(float("nan"))
    return (frequency[present] * intersection_over_union(matrix)[present]).sum()
