"""Edge Boxes: a box that wholly contains many contours, and cuts few, is likely to hold an object.

Zitnick and Dollár, "Edge Boxes: Locating Object Proposals from Edges" (2014, section 3). Edges are chained into
groups, neighbouring groups have an affinity, and a box is scored by the groups in it that no chain of affinities ties
to its border.

Simplified: edges are thinned gradients of a smoothed image (theirs: a learnt "structured" edge detector), small
groups stay by themselves (theirs: joined to a neighbour), the best chains between all groups are computed at once
(theirs: a search in every box), and windows are scored one by one. Numbers of sections and equations are given from
memory.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cnncourse.classical.proposals import sliding_windows
from cnncourse.detection import _nms_fast
from cnncourse.detection.boxes import large_enough

KAPPA = 1.5  # larger boxes hold more edges: more than in proportion to their perimeter (equation 3)
GAMMA = 2  # how sharply affinity falls with an angle (equation 1)
MOVES = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]  # of a box's two sides along an axis
FAINT_EDGE, FAINT_AFFINITY = 0.1, 0.05  # what is below is 0 (sections 3.1 and 3.2)


# ------------------------------------------------------------------------------------------------------ edges
def find_edges(image: np.ndarray, sigma: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """How strong an edge runs through each pixel, and in which direction.

    Gradients of the smoothed image, of the channel where they are longest; a pixel that is not at least as strong as
    both of its neighbours across the edge, or below a tenth of the strongest, is 0.

    Args:
        image: float ``[H, W, C]``, at least 2 x 2 pixels.
        sigma: of the Gaussian that smooths, in pixels.

    Returns:
        strength ``[H, W]`` in [0, 1], 1 the image's strongest, and direction ``[H, W]``: angles along the edge in
        radians, from the x axis towards the y axis (down), in [0, pi).
    """
    from skimage.filters import gaussian

    y, x = np.gradient(gaussian(image, sigma, channel_axis=-1), axis=(0, 1))
    best = np.hypot(x, y).argmax(-1)[..., None]
    x, y = (np.take_along_axis(part, best, -1)[..., 0] for part in (x, y))
    strength = np.hypot(x, y)
    across = np.round(np.arctan2(y, x) / (np.pi / 4)).astype(int) % 4  # right, down right, down, down left
    dx, dy = np.array([1, 1, 0, -1])[across], np.array([0, 1, 1, 1])[across]
    rows, columns = np.indices(strength.shape)
    framed = np.pad(strength, 1)
    ahead, behind = (framed[rows + 1 + s * dy, columns + 1 + s * dx] for s in (1, -1))
    # Of two equals side by side one stays; what counts as equal must not depend on rounding.
    strength = np.where((strength >= ahead - 1e-12) & (strength > behind + 1e-12), strength, 0)
    strength = strength / max(strength.max(), 1e-12)
    return np.where(strength > FAINT_EDGE, strength, 0), (np.arctan2(y, x) + np.pi / 2) % np.pi


def turn(a, b):
    """The angle between two undirected lines.

    Args:
        a, b: their angles in radians, numbers or arrays ``[...]``.

    Returns:
        ``[...]`` in [0, pi / 2].
    """
    difference = np.abs(a - b) % np.pi
    return np.minimum(difference, np.pi - difference)


# ----------------------------------------------------------------------------------------------------- groups
def group_edges(strength: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Chain edge pixels into groups that are nearly straight.

    From the first pixel that is in no group, go to the one of its 8 neighbours that turns least, and on from there,
    until the turns sum up to more than pi / 2 or no neighbour is left (section 3.1).

    Args:
        strength, direction: ``[H, W]`` each, see `find_edges`.

    Returns:
        int64 ``[H, W]``: the group of each pixel, -1 where there is no edge.
    """
    free = np.pad(strength > 0, 1)
    angle = np.pad(direction, 1)
    groups = np.full(free.shape, -1)
    around = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    count = 0
    for start in np.argwhere(free).tolist():
        pixel, turned = tuple(start), 0.0
        if not free[pixel]:
            continue
        while turned <= np.pi / 2:
            groups[pixel], free[pixel] = count, False
            nearby = [(pixel[0] + dy, pixel[1] + dx) for dy, dx in around]
            choices = [(turn(angle[pixel], angle[q]), q) for q in nearby if free[q]]
            if not choices:
                break
            step, pixel = min(choices)
            turned += step
        count += 1
    return groups[1:-1, 1:-1]


@dataclass(frozen=True)
class EdgeGroups:
    """The edges of an image, ready to score boxes.

    Args:
        labels: int64 ``[H, W]``, the group of each pixel or -1.
        mass: ``[S]``, the summed strength of each group.
        center: ``[S, 2]``, the mean x and y of its pixels' centres, in pixels.
        angle: ``[S]``, its mean direction in radians, in [0, pi).
        ties: ``[S, S]``, the best product of affinities along any chain of groups; 1 with itself.
        integral: ``[H + 1, W + 1]``, the summed strength of the pixels above and to the left.
    """

    labels: np.ndarray
    mass: np.ndarray
    center: np.ndarray
    angle: np.ndarray
    ties: np.ndarray
    integral: np.ndarray


def affinity(center: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """How well groups continue each other (equation 1), whether they are near or not.

    ``|cos(t_i - t_ij) cos(t_j - t_ij)| ** 2`` with the groups' angles t_i, t_j and the angle t_ij of the line through
    their centres.

    Args:
        center: ``[S, 2]``, x and y in pixels.
        angle: ``[S]`` in radians.

    Returns:
        ``[S, S]`` in [0, 1], symmetric.
    """
    x, y = (center[None] - center[:, None]).transpose(2, 0, 1)
    between = np.arctan2(y, x)
    return np.abs(np.cos(angle[:, None] - between) * np.cos(angle[None] - between)) ** GAMMA


def near(labels: np.ndarray, reach: int = 2) -> np.ndarray:
    """Which groups have pixels at most ``reach`` rows and columns apart.

    Args:
        labels: int64 ``[H, W]``, the group of each pixel or -1.
        reach: in pixels.

    Returns:
        bool ``[S, S]``, symmetric.
    """
    count = labels.max(initial=-1) + 1
    result = np.zeros((count, count), bool)
    height, width = labels.shape
    for dy in range(reach + 1):
        for dx in range(-reach, reach + 1):
            a = labels[: height - dy, max(-dx, 0) : width - max(dx, 0)]
            b = labels[dy:, max(dx, 0) : width + min(dx, 0)]
            both = (a >= 0) & (b >= 0)
            result[a[both], b[both]] = True
    return result | result.T


def best_chains(affinities: np.ndarray) -> np.ndarray:
    """The largest product of affinities along any chain from one group to another (Floyd and Warshall's way).

    Args:
        affinities: ``[S, S]`` in [0, 1], symmetric; 0 for groups that are not neighbours.

    Returns:
        ``[S, S]``, 1 on the diagonal.
    """
    best = affinities.copy()
    np.fill_diagonal(best, 1)
    for k in range(len(best)):
        reached = np.flatnonzero(best[k])
        via = np.outer(best[reached, k], best[k, reached])
        best[np.ix_(reached, reached)] = np.maximum(best[np.ix_(reached, reached)], via)
    return best


def describe_groups(strength: np.ndarray, direction: np.ndarray, labels: np.ndarray) -> EdgeGroups:
    """Everything about groups that does not depend on a box.

    Args:
        strength, direction: ``[H, W]`` each, see `find_edges`.
        labels: int64 ``[H, W]`` from `group_edges`.

    Returns:
        The groups, S of them: one more than the largest label.
    """
    y, x = np.nonzero(labels >= 0)
    of, weight = labels[y, x], strength[y, x]
    count = labels.max(initial=-1) + 1

    def total(values):
        return np.bincount(of, values, count)

    # Angles that differ by pi are one direction: average on the circle of doubled angles.
    doubled = 2 * direction[y, x]
    angle = np.arctan2(total(weight * np.sin(doubled)), total(weight * np.cos(doubled))) / 2 % np.pi
    center = np.stack([total(x + 0.5), total(y + 0.5)], 1) / total(np.ones(len(of)))[:, None]
    affinities = np.where(near(labels), affinity(center, angle), 0)
    ties = best_chains(np.where(affinities > FAINT_AFFINITY, affinities, 0))
    integral = np.pad(np.where(labels >= 0, strength, 0), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return EdgeGroups(labels, total(weight), center, angle, ties, integral)


# ------------------------------------------------------------------------------------------------------ boxes
def enclosed(edges: EdgeGroups, box: tuple[int, int, int, int]) -> np.ndarray:
    """How wholly a box contains each group (equation 2).

    0 for groups with a pixel on the box's border (the outermost pixels inside it) or their centre outside; for the
    others 1 minus the best chain from any group on the border.

    Args:
        edges: of the image.
        box: ``(x1, y1, x2, y2)`` in whole pixels, inside the image and not empty.

    Returns:
        ``[S]`` in [0, 1].
    """
    x1, y1, x2, y2 = box
    sides = edges.labels[[y1, y2 - 1], x1:x2], edges.labels[y1:y2, [x1, x2 - 1]]
    border = np.unique(np.concatenate([side.ravel() for side in sides]))
    border = border[border >= 0]
    inside = np.flatnonzero(((edges.center >= [x1, y1]) & (edges.center < [x2, y2])).all(1))
    weights = np.zeros(len(edges.mass))
    weights[inside] = 1 - edges.ties[np.ix_(border, inside)].max(0, initial=0)
    return weights


def box_score(edges: EdgeGroups, box: tuple[int, int, int, int]) -> float:
    """The edges enclosed, less those in the middle of the box, over the perimeter (equations 3 and 4).

    Edges in the middle (half the box's width and height) say little about whether its border is an object's.

    Args:
        edges: of the image.
        box: ``(x1, y1, x2, y2)`` in whole pixels, inside the image and not empty.

    Returns:
        The score; below 0 where the middle has more than the box encloses.
    """
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    left, top = x1 + width // 4, y1 + height // 4
    right, bottom = x2 - width // 4, y2 - height // 4
    total = edges.integral
    middle = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    contained = enclosed(edges, box) @ edges.mass
    return float((contained - middle) / (2 * (width + height) ** KAPPA))


def refine(
    edges: EdgeGroups, box: tuple[int, int, int, int], step: int, min_area: float = 1
) -> tuple[float, tuple[int, int, int, int]]:
    """Change a box along one axis at a time, as long as its score grows, by ever smaller steps (section 3.3).

    Along an axis one side moves, or both do, in the same direction (place) or in opposite ones (size).

    Args:
        edges: of the image.
        box: ``(x1, y1, x2, y2)`` in whole pixels, inside the image and not empty.
        step: pixels to begin with; halved when nothing helps, until it is 0.
        min_area: of the boxes tried, in square pixels: around specks scores are high.

    Returns:
        The best score found, and its box.
    """
    height, width = edges.labels.shape
    best = box_score(edges, box), box
    while step >= 1:
        x1, y1, x2, y2 = start = best[1]
        for first, last in MOVES:
            for a, b, c, d in (
                (x1 + first * step, y1, x2 + last * step, y2),
                (x1, y1 + first * step, x2, y2 + last * step),
            ):
                if 0 <= a < c <= width and 0 <= b < d <= height and (c - a) * (d - b) >= min_area:
                    best = max(best, (box_score(edges, (a, b, c, d)), (a, b, c, d)))
        if best[1] == start:
            step //= 2
    return best


def edge_boxes(
    image: Tensor,
    count: int = 1000,
    alpha: float = 0.65,
    beta: float = 0.75,
    min_area: float = 1000,
    refined: int = 0,
) -> tuple[Tensor, Tensor]:
    """Boxes that contain contours, the best first.

    Args:
        image: float ``[C, H, W]``.
        count: boxes at most.
        alpha: IoU of neighbouring windows; `sliding_windows` says more.
        beta: IoU above which a better box suppresses another.
        min_area: of the smallest windows, in square pixels. Choose it smaller for small images.
        refined: how many of the best windows to `refine` (each takes as long as scoring some hundred).

    Returns:
        boxes ``[N, 4]`` in whole pixels and scores ``[N]``, with the dtype and device of ``image``; no box with a
        score of 0 or less.

    Raises:
        ValueError: the image is not float ``[C, H, W]``, smaller than 2 x 2 pixels, or holds NaN or an infinite number;
            or ``alpha`` is not between 0 and 1.
    """
    if image.ndim != 3 or min(image.shape[1:]) < 2 or not len(image) or not image.is_floating_point():
        raise ValueError(f"The image is {image.dtype} {list(image.shape)}, not float [C, H, W], H, W >= 2.")
    if not image.isfinite().all():
        raise ValueError("The image holds NaN or infinite numbers.")
    strength, direction = find_edges(image.detach().double().movedim(0, -1).numpy(force=True))
    edges = describe_groups(strength, direction, group_edges(strength, direction))
    windows = sliding_windows(tuple(image.shape[1:]), alpha, min_area).round().int().unique(dim=0)
    windows = [tuple(box) for box in windows[large_enough(windows, 1)].tolist()]
    scored = sorted(((box_score(edges, box), box) for box in windows), reverse=True)
    for i, (_, box) in enumerate(scored[:refined]):
        scored[i] = refine(edges, box, max((box[2] - box[0]) // 8, 1), min_area)
    scored = sorted({entry for entry in scored if entry[0] > 0}, reverse=True)
    boxes = torch.tensor([box for _, box in scored], dtype=image.dtype).reshape(-1, 4)
    scores = torch.tensor([score for score, _ in scored], dtype=image.dtype)
    kept = _nms_fast.nms(boxes, scores, beta, limit=count)
    return boxes[kept].to(image.device), scores[kept].to(image.device)
