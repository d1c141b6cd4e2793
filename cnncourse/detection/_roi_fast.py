"""The same answers as `cnncourse.detection.roi.region_max_pool`, for all regions at once.

With the cells of all feature maps as the rows of a table, every bin is a bag of rows and RoI pooling is the
maximum over each bag: torch's `embedding_bag`, whose backward pass adds the gradients of bags that share a row.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.detection.roi import check_regions, round_to_cells


def roi_pool(
    features: Tensor, boxes: Sequence[Tensor], output_size: tuple[int, int], spatial_scale: float
) -> Tensor:
    """`cnncourse.detection.roi.roi_pool`."""
    check_regions(features, boxes)
    return region_max_pool(features, [round_to_cells(b, spatial_scale) for b in boxes], output_size)


def region_max_pool(features: Tensor, cells: Sequence[Tensor], output_size: tuple[int, int]) -> Tensor:
    """`cnncourse.detection.roi.region_max_pool`."""
    check_regions(features, cells)
    _, channels, height, width = features.shape
    counts = torch.tensor([len(c) for c in cells], device=features.device)
    image_of = torch.arange(len(cells), device=features.device).repeat_interleave(counts)
    x1, y1, x2, y2 = torch.cat(list(cells)).T
    top, bottom = _edges(y1, y2, output_size[0], height)
    left, right = _edges(x1, x2, output_size[1], width)
    rows, offsets = _bags(image_of, top, bottom, left, right, height, width)
    table = features.permute(0, 2, 3, 1).reshape(-1, channels)
    if len(rows):
        pooled = F.embedding_bag(rows, table, offsets, mode="max")
    else:  # no region, or none that touches its map
        pooled = features.new_zeros(len(offsets), channels)
    return pooled.view(len(image_of), *output_size, channels).permute(0, 3, 1, 2)


def _edges(start: Tensor, end: Tensor, bins: int, size: int) -> tuple[Tensor, Tensor]:
    """`bin_edges` of all regions: two int64 ``[K, bins]``."""
    p = torch.arange(bins, device=start.device)
    start, length = start[:, None], (end - start)[:, None]
    low, high = start + p * length // bins, start - (-(p + 1) * length // bins)
    return low.clamp(0, size), high.clamp(0, size)


def _bags(
    image_of: Tensor, top: Tensor, bottom: Tensor, left: Tensor, right: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """The rows of the table that the ``K * h * w`` bins hold, bin after bin, and where each bin begins."""
    heights, widths = (bottom - top).clamp(min=0)[:, :, None], (right - left).clamp(min=0)[:, None]
    areas = (heights * widths).flatten()
    first = ((image_of[:, None, None] * height + top[:, :, None]) * width + left[:, None]).flatten()
    ends = areas.cumsum(0)
    offsets = ends - areas
    bag = torch.arange(len(areas), device=areas.device).repeat_interleave(areas)
    inside = torch.arange(len(bag), device=areas.device) - offsets[bag]
    bag_width = widths.expand(-1, top.shape[1], -1).flatten()[bag]
    return first[bag] + inside // bag_width * width + inside % bag_width, offsets
