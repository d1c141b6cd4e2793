"""Pooling over regions: from a region of any size on a feature map to a vector of fixed length.

Feature maps are ``[B, C, H, W]``. Regions come as one tensor for each image: boxes in pixels ``[K_i, 4]``, or
*cells*, int64 ``[K_i, 4]`` as ``(x1, y1, x2, y2)`` on the feature map, right and bottom exclusive. Results are
stacked image by image, K = sum of K_i.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.checks import one_of


# --------------------------------------------------------------------- from regions of the image to cells
def round_to_cells(boxes: Tensor, spatial_scale: float) -> Tensor:
    """Fast R-CNN's projection: both corners are scaled, rounded, and belong to the region.

    Girshick, "Fast R-CNN" (2015, section 2.1) and its published code: halves are rounded away from zero, the cell of
    the second corner is included (so a region is up to one cell larger than its box, and never empty).

    Args:
        boxes: ``[K, 4]`` in pixels.
        spatial_scale: 1 / stride of the feature map, e.g. 1 / 16.

    Returns:
        int64 ``[K, 4]`` cells, not clipped to the map.
    """
    scaled = boxes * spatial_scale
    whole = scaled.trunc()
    cells = (whole + scaled.sign() * ((scaled - whole).abs() >= 0.5)).long()
    first, last = cells[:, :2], cells[:, 2:]
    return torch.cat((first, torch.maximum(last, first) + 1), 1)


def project_to_cells(boxes: Tensor, stride: int) -> Tensor:
    """SPP-net's projection: the cells whose receptive fields are centred inside the box.

    He et al., "Spatial Pyramid Pooling" (2014, appendix A): with every layer padded by half its kernel, the field of
    cell x is centred at pixel ``stride * x``; the first cell is ``floor(x1 / stride) + 1``, the last
    ``ceil(x2 / stride) - 1``. A box that holds no centre (the paper is silent) gets the cell nearest its middle.

    Args:
        boxes: ``[K, 4]`` in pixels.
        stride: of the feature map, in pixels.

    Returns:
        int64 ``[K, 4]`` cells, not clipped to the map.
    """
    first = (boxes[:, :2] / stride).floor().long() + 1
    end = (boxes[:, 2:] / stride).ceil().long()
    middle = ((boxes[:, :2] + boxes[:, 2:]) / (2 * stride)).round().long()
    empty = end <= first
    return torch.cat((torch.where(empty, middle, first), torch.where(empty, middle + 1, end)), 1)


# ----------------------------------------------------------------------------------------------- max pooling
def bin_edges(start: int, end: int, bins: int, size: int) -> list[tuple[int, int]]:
    """Divide the cells from ``start`` up to ``end`` into bins that cover all of them.

    Bin p reaches from ``floor(p * length / bins)`` to ``ceil((p + 1) * length / bins)``: neighbours may share a cell,
    and with fewer cells than bins, cells are repeated. What lies outside a map of ``size`` cells is cut off; a bin may
    come out empty.

    Args:
        start, end: first cell and the one behind the last; may lie outside the map.
        bins: how many.
        size: cells of the map along this axis.

    Returns:
        For each bin its first cell and the one behind its last, in 0 ... size.
    """
    length = end - start
    edges = []
    for p in range(bins):
        low, high = start + p * length // bins, start - (-(p + 1) * length // bins)
        edges.append((min(max(low, 0), size), min(max(high, 0), size)))
    return edges


def pool_region(features: Tensor, cells: Sequence[int], output_size: tuple[int, int]) -> Tensor:
    """Max pooling of one region into a fixed number of bins.

    Args:
        features: ``[C, H, W]`` of one image.
        cells: ``(x1, y1, x2, y2)``, right and bottom exclusive; may reach beyond the map.
        output_size: ``(h, w)`` bins.

    Returns:
        ``[C, h, w]``; 0 in bins without a cell. Of equal maxima the first receives the gradient.
    """
    x1, y1, x2, y2 = cells
    bins = []
    for top, bottom in bin_edges(y1, y2, output_size[0], features.shape[1]):
        for left, right in bin_edges(x1, x2, output_size[1], features.shape[2]):
            window = features[:, top:bottom, left:right].flatten(1)
            bins.append(window.max(1).values if window.numel() else features.new_zeros(len(features)))
    return torch.stack(bins, 1).unflatten(1, output_size)


def region_max_pool(features: Tensor, cells: Sequence[Tensor], output_size: tuple[int, int]) -> Tensor:
    """`pool_region` for all regions of all images.

    Where regions overlap, a cell takes part in several maxima; its gradient is the sum of theirs.

    Args:
        features: ``[B, C, H, W]``.
        cells: B tensors, int64 ``[K_i, 4]``.
        output_size: ``(h, w)`` bins.

    Returns:
        ``[K, C, h, w]``.

    Raises:
        ValueError: there is not one tensor ``[K_i, 4]`` for each image.
    """
    check_regions(features, cells)
    pooled = [
        pool_region(image, region, output_size)
        for image, regions in zip(features, cells, strict=True)
        for region in regions.tolist()
    ]
    return torch.stack(pooled) if pooled else features.new_zeros(0, features.shape[1], *output_size)


def roi_pool(
    features: Tensor, boxes: Sequence[Tensor], output_size: tuple[int, int], spatial_scale: float
) -> Tensor:
    """RoI pooling.

    Girshick, "Fast R-CNN" (2015, section 2.1): `round_to_cells`, then `region_max_pool`. Bins are divided in integers;
    torchvision divides in floating point, where a bin can reach one cell too far (the seventh of 7 bins over 57 cells,
    in float32).

    Args:
        features: ``[B, C, H, W]``.
        boxes: B tensors ``[K_i, 4]`` in pixels.
        output_size: ``(h, w)``, 7 x 7 for VGG-16.
        spatial_scale: 1 / stride of the feature map.

    Returns:
        ``[K, C, h, w]``.

    Raises:
        ValueError: there is not one tensor ``[K_i, 4]`` for each image.
    """
    check_regions(features, boxes)
    return region_max_pool(features, [round_to_cells(b, spatial_scale) for b in boxes], output_size)


# ----------------------------------------------------------------------------------- spatial pyramid pooling
def spatial_pyramid_pool(
    features: Tensor, levels: Sequence[int] = (6, 3, 2, 1), variant: str = "adaptive"
) -> Tensor:
    """Max pooling over grids of several finenesses, concatenated: a fixed length for maps of any size.

    He et al., "Spatial Pyramid Pooling" (2014, section 2.2). Lazebnik, Schmid and Ponce's spatial pyramid matching
    (2006) did the same with visual words.

    Args:
        features: ``[B, C, H, W]``.
        levels: n of every n x n grid.
        variant: "adaptive" has bins that cover the whole map. "paper" pools with windows of ceil(a / n) and a step of
            floor(a / n) cells, a the map's side: the same at 13 x 13, but at other sizes the border may be lost (at
            10 x 10 with n = 4 the last row and column).

    Returns:
        ``[B, C * sum(n * n)]``: level by level, in each channel by channel. 50 bins for (6, 3, 2, 1), so 12,800 numbers
        for 256 channels.

    Raises:
        ValueError: another ``variant``, or with "paper" a map with fewer than n rows or columns.
    """
    one_of("variant", variant, ("adaptive", "paper"))
    pool = F.adaptive_max_pool2d if variant == "adaptive" else _sliding_pool
    return torch.cat([pool(features, n).flatten(1) for n in levels], 1)


def _sliding_pool(features: Tensor, n: int) -> Tensor:
    sides = features.shape[-2:]
    if min(sides) < n:
        raise ValueError(f"a map of {sides[0]} x {sides[1]} cells has no {n} x {n} windows with a whole step")
    window, step = [math.ceil(a / n) for a in sides], [a // n for a in sides]
    return F.max_pool2d(features, window, step)[..., :n, :n]


def region_pyramid_pool(features: Tensor, cells: Sequence[Tensor], levels: Sequence[int]) -> Tensor:
    """Spatial pyramid pooling of regions; RoI pooling is the case of one level.

    He et al., "Spatial Pyramid Pooling" (2014, section 4.1).

    Args:
        features: ``[B, C, H, W]``.
        cells: B tensors, int64 ``[K_i, 4]``.
        levels: n of every n x n grid.

    Returns:
        ``[K, C * sum(n * n)]``, in the order of `spatial_pyramid_pool`.

    Raises:
        ValueError: there is not one tensor ``[K_i, 4]`` for each image.
    """
    return torch.cat([region_max_pool(features, cells, (n, n)).flatten(1) for n in levels], 1)


# ------------------------------------------------------------------------------------------------ RoI align
def roi_align(
    features: Tensor,
    boxes: Sequence[Tensor],
    output_size: tuple[int, int],
    spatial_scale: float,
    samples: int = 2,
    aligned: bool = True,
) -> Tensor:
    """RoI align: no rounding; every bin is the mean of bilinear samples.

    He et al., "Mask R-CNN" (2017, section 3). Sampling along y and along x are independent, so a bin is
    ``A_y @ features @ A_x.T`` with the two matrices of `sampling_matrix`: a linear map.

    Args:
        features: float ``[B, C, H, W]``.
        boxes: B tensors ``[K_i, 4]`` in pixels.
        output_size: ``(h, w)``.
        spatial_scale: 1 / stride of the feature map.
        samples: points along each side of a bin (the paper's 2 x 2); 0 takes as many as there are cells, rounded up.
        aligned: cell i is centred at i + 1/2, as pixels are (Detectron2's correction). False is the first published
            code: centred at i, regions at least one cell large.

    Returns:
        ``[K, C, h, w]``.

    Raises:
        ValueError: there is not one tensor ``[K_i, 4]`` for each image.
    """
    check_regions(features, boxes)
    pooled = []
    for image, regions in zip(features, boxes, strict=True):
        scaled = regions.to(features.dtype) * spatial_scale - (0.5 if aligned else 0)
        for x1, y1, x2, y2 in scaled.unbind(0) if len(scaled) else ():
            down = sampling_matrix(y1, y2, output_size[0], image.shape[1], samples, aligned)
            across = sampling_matrix(x1, x2, output_size[1], image.shape[2], samples, aligned)
            pooled.append(down @ image @ across.T)
    return torch.stack(pooled) if pooled else features.new_zeros(0, features.shape[1], *output_size)


def sampling_matrix(start: Tensor, end: Tensor, bins: int, size: int, samples: int, aligned: bool) -> Tensor:
    """How much each of ``size`` cells contributes to each of the bins between ``start`` and ``end``.

    A sample between two cells takes from both in proportion to closeness; up to one cell outside the map it takes the
    border's value, further outside nothing.

    Args:
        start, end: scalar tensors, of a region along one axis: in cells, less 1/2 if ``aligned``.
        bins: along this axis.
        size: cells of the map along it.
        samples, aligned: see `roi_align`.

    Returns:
        ``[bins, size]`` with dtype and device of ``start``; a row sums to the share of its samples that count.
    """
    length = end - start if aligned else (end - start).clamp(min=1)
    width = length / bins
    samples = samples if samples > 0 else math.ceil(width)
    inside = (torch.arange(samples, dtype=start.dtype, device=start.device) + 0.5) * width / max(samples, 1)
    bin_starts = start + torch.arange(bins, dtype=start.dtype, device=start.device) * width
    positions = bin_starts[:, None] + inside  # [bins, samples]
    valid = (positions >= -1) & (positions <= size)
    cells = torch.arange(size, dtype=start.dtype, device=start.device)
    weights = (1 - (positions.clamp(0, size - 1)[..., None] - cells).abs()).clamp(min=0) * valid[..., None]
    return weights.sum(1) / max(samples, 1)


def check_regions(features: Tensor, regions: Sequence[Tensor]) -> None:
    """Refuse regions that do not fit a batch of feature maps.

    Args:
        features: ``[B, C, H, W]``.
        regions: B tensors ``[K_i, 4]``.

    Raises:
        ValueError: there are more or fewer than B, or one is of another shape; the message says which.
    """
    if len(regions) != len(features):
        raise ValueError(
            f"{len(features)} images need {len(features)} tensors of regions, got {len(regions)}"
        )
    for i, r in enumerate(regions):
        if r.ndim != 2 or r.shape[1] != 4:
            raise ValueError(f"the regions of image {i} must be [K, 4], got {list(r.shape)}")
