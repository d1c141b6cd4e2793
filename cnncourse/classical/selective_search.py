"""Selective Search: an image falls into regions, similar neighbours are joined, and every region was an object's guess.

Uijlings, van de Sande, Gevers and Smeulders, "Selective Search for Object Recognition" (2013, section 3). The first
regions are those of Felzenszwalb and Huttenlocher, from scikit-image; what follows is here.

The paper leaves open, and we chose: colours are scaled to [0, 1] by the bounds of their space; of a direction and
its opposite each sees the positive part of the derivative; histograms of texture reach from 0 to the image's
largest response.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cnncourse.checks import one_of

COLOR_BINS, TEXTURE_BINS, DIRECTIONS = 25, 10, 8  # section 3.2
MEASURES = "ctsf"  # colour, texture, size, fill


@dataclass(frozen=True)
class Region:
    """What grouping knows of a region: no pixels.

    Args:
        size: number of pixels.
        box: ``(x1, y1, x2, y2)``, right and bottom exclusive.
        color: histogram ``[C * 25]`` that sums to 1.
        texture: histogram ``[C * 8 * 10]`` that sums to 1.
    """

    size: int
    box: tuple[int, int, int, int]
    color: np.ndarray
    texture: np.ndarray


# ------------------------------------------------------------------------------------------------ similarity
def histogram_intersection(a: np.ndarray, b: np.ndarray) -> float:
    """What two histograms share: the sum of the smaller of each pair of bins.

    Args:
        a, b: ``[D]``, not negative.

    Returns:
        1 if they are equal and of sum 1.
    """
    return float(np.minimum(a, b).sum())


def joint_box(a: Sequence[int], b: Sequence[int]) -> tuple[int, int, int, int]:
    """The smallest box around two boxes.

    Args:
        a, b: ``(x1, y1, x2, y2)`` in pixels.

    Returns:
        ``(x1, y1, x2, y2)``.
    """
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def size_similarity(a: Region, b: Region, pixels: int) -> float:
    """Small regions join early: 1 minus the part of the image that both take together (section 3.2).

    Args:
        a, b: regions.
        pixels: of the whole image.

    Returns:
        A number in [0, 1].
    """
    return 1 - (a.size + b.size) / pixels


def fill_similarity(a: Region, b: Region, pixels: int) -> float:
    """Regions that fit into each other join: 1 minus the part of the image in their joint box but in neither.

    Section 3.2.

    Args:
        a, b: regions.
        pixels: of the whole image.

    Returns:
        A number in [0, 1].
    """
    x1, y1, x2, y2 = joint_box(a.box, b.box)
    return 1 - ((x2 - x1) * (y2 - y1) - a.size - b.size) / pixels


def similarity(a: Region, b: Region, pixels: int, measures: str = MEASURES) -> float:
    """The sum of the measures named (equation 6).

    Args:
        a, b: regions.
        pixels: of the whole image.
        measures: their first letters: "c" colour, "t" texture, "s" size, "f" fill.

    Returns:
        A number from 0 to the number of measures.

    Raises:
        ValueError: a letter that names none.
    """
    _check_measures(measures)
    parts = {
        "c": lambda: histogram_intersection(a.color, b.color),
        "t": lambda: histogram_intersection(a.texture, b.texture),
        "s": lambda: size_similarity(a, b, pixels),
        "f": lambda: fill_similarity(a, b, pixels),
    }
    return sum(parts[letter]() for letter in measures)


def _check_measures(measures: str) -> None:
    for letter in measures:
        one_of("every letter of measures", letter, MEASURES)


def merge(a: Region, b: Region) -> Region:
    """Two regions as one; histograms are averaged by size, no pixel is looked at again (equation 3).

    Args:
        a, b: regions without a pixel in common.

    Returns:
        A new region.
    """
    size = a.size + b.size
    color = (a.size * a.color + b.size * b.color) / size
    texture = (a.size * a.texture + b.size * b.texture) / size
    return Region(size, joint_box(a.box, b.box), color, texture)


# --------------------------------------------------------------------------------------------- first regions
def texture_responses(image: np.ndarray) -> np.ndarray:
    """Derivatives in 8 directions of the image smoothed by a Gaussian of sigma 1, negative ones cut to 0 (section 3.2).

    Args:
        image: float ``[H, W, C]``, at least 2 x 2 pixels.

    Returns:
        ``[H, W, C * 8]`` in [0, 1], 1 the largest response of the image.
    """
    from skimage.filters import gaussian

    y, x = np.gradient(gaussian(image, 1, channel_axis=-1), axis=(0, 1))
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    responses = np.maximum(x[..., None] * np.cos(angles) + y[..., None] * np.sin(angles), 0)
    return responses.reshape(*image.shape[:2], -1) / max(responses.max(), 1e-12)


def region_histograms(values: np.ndarray, labels: np.ndarray, bins: int) -> np.ndarray:
    """A histogram of every channel in every region, side by side, scaled to a sum of 1.

    Args:
        values: ``[H, W, C]`` in [0, 1].
        labels: integers ``[H, W]``, 0 ... R - 1, each of which occurs.
        bins: of each channel.

    Returns:
        float64 ``[R, C * bins]``.
    """
    channels, regions = values.shape[2], labels.max() + 1
    bin_ = np.clip((values * bins).astype(int), 0, bins - 1)
    index = (labels[..., None] * channels + np.arange(channels)) * bins + bin_
    counts = np.bincount(index.ravel(), minlength=regions * channels * bins).reshape(regions, -1)
    return counts / counts.sum(1, keepdims=True)


def describe(image: np.ndarray, labels: np.ndarray) -> list[Region]:
    """The regions of a label image.

    Args:
        image: float ``[H, W, C]`` in [0, 1], at least 2 x 2 pixels.
        labels: integers ``[H, W]``, 0 ... R - 1, each of which occurs.

    Returns:
        Region r is where the label is r.
    """
    color = region_histograms(image, labels, COLOR_BINS)
    texture = region_histograms(texture_responses(image), labels, TEXTURE_BINS)
    regions = []
    for label in range(len(color)):
        y, x = np.nonzero(labels == label)
        box = int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1
        regions.append(Region(len(x), box, color[label], texture[label]))
    return regions


def touching(labels: np.ndarray) -> set[tuple[int, int]]:
    """Which regions have pixels side by side, or one above the other.

    Args:
        labels: integers ``[H, W]``.

    Returns:
        Pairs (smaller, larger) of labels.
    """
    pairs = [(labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])]
    stacked = np.concatenate([np.stack([a.ravel(), b.ravel()], 1) for a, b in pairs])
    stacked = np.unique(np.sort(stacked, 1), axis=0)
    return {(int(a), int(b)) for a, b in stacked if a != b}


# --------------------------------------------------------------------------------------------------- grouping
def group(
    regions: Sequence[Region], pairs: set[tuple[int, int]], pixels: int, measures: str = MEASURES
) -> list[Region]:
    """Join the two most similar neighbours, again and again, until nothing touches anything (algorithm 1).

    Of equally similar pairs the one whose regions came first is joined.

    Args:
        regions: the first ones.
        pairs: which of them touch, by index.
        pixels: of the whole image.
        measures: see `similarity`.

    Returns:
        All regions there ever were: the first ones, then those made, in the order of making.

    Raises:
        ValueError: a letter of ``measures`` that names none.
    """
    _check_measures(measures)  # here too: without neighbours no similarity is asked for
    regions = list(regions)
    neighbors: dict[int, set[int]] = {i: set() for i in range(len(regions))}
    queue = []

    def touch(i: int, j: int) -> None:
        neighbors[i].add(j)
        neighbors[j].add(i)
        heapq.heappush(queue, (-similarity(regions[i], regions[j], pixels, measures), i, j))

    for i, j in sorted(pairs):
        touch(i, j)
    while queue:
        _, i, j = heapq.heappop(queue)
        if i not in neighbors or j not in neighbors:
            continue  # one of them was joined to another meanwhile
        around = (neighbors.pop(i) | neighbors.pop(j)) - {i, j}
        new = len(regions)
        regions.append(merge(regions[i], regions[j]))
        neighbors[new] = set()
        for k in sorted(around):
            neighbors[k] -= {i, j}
            touch(k, new)
    return regions


def in_color_space(image: np.ndarray, space: str) -> np.ndarray:
    """An image in another colour space, every channel scaled by the bounds of the space.

    Args:
        image: RGB float ``[H, W, 3]`` in [0, 1].
        space: "rgb", "hsv", "lab" or "gray".

    Returns:
        float ``[H, W, 3]``, or ``[H, W, 1]`` of "gray", in [0, 1].

    Raises:
        ValueError: another ``space``.
    """
    from skimage import color

    one_of("space", space, ("rgb", "hsv", "lab", "gray"))
    if space == "lab":  # L is 0 to 100; a and b of colours in sRGB stay within +-128
        return color.rgb2lab(image) / [100, 256, 256] + [0, 0.5, 0.5]
    spaces = {"rgb": np.array, "hsv": color.rgb2hsv, "gray": lambda x: color.rgb2gray(x)[..., None]}
    return spaces[space](image)


def selective_search(
    image: Tensor,
    spaces: Sequence[str] = ("hsv", "lab"),
    measures: Sequence[str] = ("ctsf", "tsf"),
    scales: Sequence[float] = (50, 100),
    min_size: int | None = None,
    seed: int = 0,
) -> Tensor:
    """Boxes around everything that grouping makes of an image, in several ways.

    The defaults are the paper's "fast" combination of 2 colour spaces, 2 similarities and 2 thresholds of the first
    regions (section 5.4). Each hierarchy ranks its regions, the whole image first; the rank is multiplied by a random
    number, lest large regions all come first, and the hierarchies are merged by it (section 4).

    Args:
        image: RGB float ``[3, H, W]`` in [0, 1].
        spaces: colour spaces, see `in_color_space`; the first regions are found in the same space.
        measures: similarities, see `similarity`.
        scales: thresholds k of the first regions; a larger one prefers larger regions.
        min_size: pixels that a first region has at least, as many as its scale if not given (as the published code
            has it, from memory). Choose both smaller for small images.
        seed: of the random numbers.

    Returns:
        ``[N, 4]`` with the dtype and device of ``image``, the most promising first, each box once. A photograph of
        500 x 375 gives some 2000 to 3000; `cnncourse.detection.boxes.large_enough` drops small ones.

    Raises:
        ValueError: the image is no RGB image of at least 2 x 2 pixels, holds NaN, or numbers outside [0, 1]; or there
            is no such colour space or measure.
    """
    pixels = _checked(image)
    ranked: list[tuple[float, tuple[int, int, int, int]]] = []
    random = np.random.default_rng(seed)
    for space in spaces:
        colors = in_color_space(pixels, space)
        for scale in scales:
            labels = _first_regions(colors, scale, round(scale) if min_size is None else min_size)
            first, pairs = describe(colors, labels), touching(labels)
            for names in measures:
                regions = group(first, pairs, labels.size, names)
                ranks = np.arange(len(regions), 0, -1) * random.random(len(regions))
                ranked += zip(ranks.tolist(), (region.box for region in regions), strict=True)
    boxes = dict.fromkeys(box for _, box in sorted(ranked))  # of equal boxes the first stays
    return torch.tensor(list(boxes), dtype=image.dtype, device=image.device)


def _checked(image: Tensor) -> np.ndarray:
    """``[3, H, W]`` to a float64 array ``[H, W, 3]``."""
    if image.ndim != 3 or image.shape[0] != 3 or min(image.shape[1:]) < 2 or not image.is_floating_point():
        raise ValueError(
            f"The image is {image.dtype} {list(image.shape)}, not RGB float [3, H, W], H, W >= 2."
        )
    pixels = image.detach().double().movedim(0, -1).numpy(force=True)
    if not (pixels.min() >= 0 and pixels.max() <= 1):  # false for NaN too
        raise ValueError(f"The image holds {pixels.min()} to {pixels.max()}, not numbers in [0, 1].")
    return pixels


def _first_regions(colors: np.ndarray, scale: float, min_size: int) -> np.ndarray:
    from skimage.segmentation import felzenszwalb

    return felzenszwalb(colors, scale=scale, sigma=0.8, min_size=min_size, channel_axis=-1)
