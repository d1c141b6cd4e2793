"""How ImageNet classifiers are judged: Russakovsky et al., "ImageNet large scale visual recognition challenge",
IJCV 2015."""

from torch import Tensor


def top_k_error(scores: Tensor, labels: Tensor, k: int = 1) -> float:
    """The fraction of images whose label is not among the ``k`` classes with the highest scores.

    Of classes with equal scores the one with the lower number comes first, as ``argmax`` has it: a network that
    gives all classes the same score is not right about all of them.

    Args:
        scores: float [N, classes]; logits or probabilities.
        labels: int64 [N], numbers of classes.
        k: how many guesses the network has; 1 and 5 are customary.
    Returns:
        A plain number (float) in [0, 1].
    Raises:
        ValueError: ``k`` is not in 1 .. classes, or there are no images.

    Example, right at the first guess, at the second, and at the third:
        >>> scores = torch.tensor([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.3, 0.5]])
        >>> [round(top_k_error(scores, torch.tensor([1, 2, 0]), k), 2) for k in (1, 2, 3)]
        [0.67, 0.33, 0.0]
    """
    count, classes = scores.shape
    if not 1 <= k <= classes or count == 0:
        raise ValueError(f"The top {k} of {classes} classes for {count} images mean nothing.")
    guesses = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    found = (guesses == labels[:, None]).any(dim=1)
    return 1 - found.sum().item() / count
