"""How ImageNet classifiers are judged: Russakovsky et al., "ImageNet large scale visual recognition challenge",
IJCV 2015."""

from torch import Tensor


def top_k_error(scores: Tensor, labels: Tensor, k: int = 1) -> float:
    """The fraction of images whose label is not among the ``k`` classes with the highest scores.

    Of classes with equal scores the one with the lower number comes first, as ``argmax`` has it: a network that
    gives all classes the same score is not right about all of them.

    Args:
        scores: float [N, classes]; logits or probabilities.
        labels: int64 [N].
        k: 1 and 5 are the customary ones.
    Returns:
        A number in [0, 1].
    Raises:
        ValueError: ``k`` is not in 1 .. classes, or there are no images.
    """
    count, classes = scores.shape
    if not 1 <= k <= classes or count == 0:
        raise ValueError(f"The top {k} of {classes} classes for {count} images mean nothing.")
    guesses = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    found = (guesses == labels[:, None]).any(dim=1)
    return 1 - found.sum().item() / count
