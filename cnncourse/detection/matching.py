"""Which anchor is responsible for which object, and which anchors a step of training looks at."""

import torch
from torch import Tensor

NEGATIVE = -1  # background
IGNORED = -2  # neither object nor background


def match(iou: Tensor, high: float, low: float, best_anchors: bool = False) -> Tensor:
    """Give every anchor the object it overlaps most, if that is enough.

    Ren et al., "Faster R-CNN" (2015, section 3.1.2). Thresholds are inclusive as in the published code (the paper
    writes "higher than 0.7"). With ``best_anchors`` every object also gets the anchors that overlap it most, ties
    included, however little that is; such an anchor is matched to the object that the anchor overlaps most, as in the
    published code. An object that no anchor overlaps matches nothing (torchvision: everything, for then all anchors
    tie at 0).

    Args:
        iou: ``[M, N]``, objects by anchors; M or N may be 0.
        high: anchors with ``iou >= high`` are positive.
        low: anchors with ``iou < low`` are negative, those between are ignored.
        best_anchors: see above.

    Returns:
        int64 ``[N]``: the object's index (of equals the first), `NEGATIVE` or `IGNORED`.

    Raises:
        ValueError: ``low`` is above ``high``.
    """
    if low > high:
        raise ValueError(f"the lower threshold {low} exceeds the upper one {high}")
    if 0 in iou.shape:
        return torch.full((iou.shape[1],), NEGATIVE, device=iou.device)
    best, objects = iou.max(0)
    matches = torch.where(best >= high, objects, torch.where(best < low, NEGATIVE, IGNORED))
    if best_anchors:
        best_of_object = iou.max(1, keepdim=True).values
        is_best = ((iou == best_of_object) & (best_of_object > 0)).any(0)
        matches = torch.where(is_best, objects, matches)
    return matches


def match_bipartite(iou: Tensor, threshold: float) -> Tensor:
    """SSD's matching: every object gets a default box of its own, then every good enough box its object.

    Liu et al., "SSD" (2016, section 2.2), as in MultiBox and the published code: the largest remaining IoU of the
    matrix joins an object and a box, which both leave the game, until every object that overlaps a free box has one;
    then each free box goes to the object it overlaps most if ``iou >= threshold``. (torchvision lets two objects claim
    one box, which then keeps the later of them.)

    Args:
        iou: ``[M, N]``, objects by default boxes; M or N may be 0.
        threshold: the paper's 0.5.

    Returns:
        int64 ``[N]``: the object's index or `NEGATIVE`.
    """
    matches = match(iou, threshold, threshold)
    left = iou.clone()
    for _ in range(min(iou.shape)):
        value, at = left.flatten().max(0)
        row, column = at // iou.shape[1], at % iou.shape[1]
        matches[column] = torch.where(value > 0, row, matches[column])
        left[row] = left[:, column] = 0
    return matches


def sample_balanced(
    labels: Tensor, count: int, positive_fraction: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Draw positives and negatives for one image: at most a fraction positive, the rest negative.

    Ren et al., "Faster R-CNN" (2015, section 3.1.3). When there are too few positives, negatives fill up ("we pad the
    mini-batch with negative ones"); when there are too few negatives, the sample stays smaller.

    Args:
        labels: ``[N]``: above 0 positive, 0 negative, below 0 ignored.
        count: how many to draw, without replacement.
        positive_fraction: their largest share of ``count``, rounded down.
        generator: on the device of ``labels``; None draws from the global one.

    Returns:
        int64 ``[P]`` and ``[Q]``: indices of positives and of negatives, each in increasing order.
    """
    positive, negative = (labels > 0).nonzero()[:, 0], (labels == 0).nonzero()[:, 0]
    positive = _draw(positive, min(int(count * positive_fraction), len(positive)), generator)
    return positive, _draw(negative, min(count - len(positive), len(negative)), generator)


def _draw(indices: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    order = torch.randperm(len(indices), generator=generator, device=indices.device)
    return indices[order[:count].sort().values]
