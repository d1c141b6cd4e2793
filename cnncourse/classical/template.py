"""A template of HOG features, learnt by a linear SVM, slid over a pyramid of feature maps.

Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005, sections 4 and 6). Where they move
a window over the image and describe every window anew, features are computed once here and the template is
convolved with them: the score is the same.

It is the same because gradients at a window's edge are those of the image around it. So training windows carry a
*margin* of one pixel on every side, and whole images are extended by one pixel that repeats their border. (Without
margin the gradients along the edge of a training window would be missing, and the SVM would learn that.)

Images are float ``[C, H, W]``; of several channels the one with the longest gradient counts, pixel by pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnncourse.classical.hog import block_descriptors, cell_histograms, image_gradients, strongest_channel
from cnncourse.detection.nms import nms

MARGIN = 1  # pixels: what a central difference reaches


@dataclass(frozen=True)
class Template:
    """A linear classifier of windows.

    Args:
        weight: ``[D, h, w]``, for D numbers at each of h x w blocks.
        bias: the score of a window without features.
        cell: height and width of a cell in pixels.
        block: height and width of a block in cells.
    """

    weight: Tensor
    bias: float
    cell: int = 8
    block: int = 2

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a window in pixels, without margin."""
        rows, columns = (blocks + self.block - 1 for blocks in self.weight.shape[1:])
        return rows * self.cell, columns * self.cell


# --------------------------------------------------------------------------------------------------- features
def features_within_margin(image: Tensor, cell: int = 8, block: int = 2) -> Tensor:
    """HOG of the inside of an image, whose margin only lends neighbours to the gradients.

    Args:
        image: float ``[..., C, H + 2, W + 2]``.
        cell: height and width of a cell in pixels.
        block: height and width of a block in cells.

    Returns:
        ``[..., block * block * 9, H // cell - block + 1, W // cell - block + 1]``.

    Raises:
        ValueError: the inside is smaller than a block, or the image holds NaN or an infinite number.
    """
    height, width = (extent - 2 * MARGIN for extent in image.shape[-2:])
    if min(height, width) < cell * block:
        raise ValueError(f"{height} x {width} pixels hold no block: {cell * block} x {cell * block}.")
    if not image.isfinite().all():
        raise ValueError("The image holds NaN or infinite numbers.")
    x, y = strongest_channel(*image_gradients(image))
    inside = (..., slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    blocks = block_descriptors(cell_histograms(x[inside], y[inside], cell=cell), block)
    return blocks.flatten(-3).movedim(-1, -3)


def feature_map(image: Tensor, cell: int = 8, block: int = 2) -> Tensor:
    """HOG of a whole image, its border repeated as margin.

    Args:
        image: float ``[C, H, W]``.
        cell, block: see `features_within_margin`.

    Returns:
        ``[block * block * 9, H // cell - block + 1, W // cell - block + 1]``.

    Raises:
        ValueError: the image is smaller than a block, or holds NaN or an infinite number.
    """
    return features_within_margin(extend(image), cell, block)


def extend(image: Tensor) -> Tensor:
    """Repeat the border of an image as margin.

    Args:
        image: float ``[C, H, W]``.

    Returns:
        ``[C, H + 2, W + 2]``.
    """
    return F.pad(image[None], (MARGIN,) * 4, mode="replicate")[0]


def cut_windows(image: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Windows with margin for `train_template`: each box of an image brought to one size.

    Args:
        image: float ``[C, H, W]``.
        boxes: ``[N, 4]`` in pixels, not empty; they may reach beyond the image, whose border is repeated.
        size: height and width of the windows without margin, in pixels.

    Returns:
        ``[N, C, height + 2, width + 2]``, interpolated bilinearly; a box of this size at whole pixels is copied.

    Raises:
        ValueError: a box is empty.
    """
    if (boxes[:, 2:] <= boxes[:, :2]).any():
        raise ValueError("A box is empty: boxes are (x1, y1, x2, y2) with x1 < x2 and y1 < y2.")
    centres = []  # of the windows' pixels, in the coordinates of grid_sample, where -1 and 1 are the image's edges
    for axis, extent in ((0, size[1]), (1, size[0])):
        steps = torch.arange(-MARGIN, extent + MARGIN, device=image.device, dtype=image.dtype) + 0.5
        low, high = boxes[:, axis, None].to(image), boxes[:, axis + 2, None].to(image)
        centres.append((low + (high - low) * steps / extent) * 2 / image.shape[2 - axis] - 1)
    x, y = centres
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), -1)
    images = image.expand(len(boxes), -1, -1, -1)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


# --------------------------------------------------------------------------------------------------- training
def train_template(
    positives: Tensor, negatives: Tensor, cell: int = 8, block: int = 2, C: float = 0.01
) -> Template:
    """Learn what tells windows with the object from windows without.

    Hard negatives are found by training twice: windows of `cut_windows` at the boxes that `detect` finds in images
    without the object join the negatives of the second time.

    Args:
        positives, negatives: float ``[N, C, H + 2, W + 2]``, windows with margin, H and W multiples of ``cell``.
        cell: height and width of a cell in pixels.
        block: height and width of a block in cells.
        C: how much a window on the wrong side costs, beside a large weight (Dalal and Triggs' "soft" SVM).

    Returns:
        A template with the device and dtype of ``positives``.

    Raises:
        ValueError: no positive or no negative window, different sizes, a size that cells do not fill or that holds no
            block, or NaN or an infinite number.
    """
    from sklearn.svm import LinearSVC

    if not len(positives) or not len(negatives):
        raise ValueError(f"{len(positives)} positive and {len(negatives)} negative windows: both are needed.")
    if positives.shape[1:] != negatives.shape[1:]:
        raise ValueError(
            f"Windows are {list(positives.shape[1:])} and {list(negatives.shape[1:])}: one size."
        )
    if any((extent - 2 * MARGIN) % cell for extent in positives.shape[2:]):
        raise ValueError(
            f"Windows of {list(positives.shape[2:])} are not cells of {cell} and a margin of {MARGIN}."
        )
    features = [features_within_margin(x, cell, block) for x in (positives, negatives)]
    shape = features[0].shape[1:]
    labels = [1] * len(positives) + [0] * len(negatives)
    svm = LinearSVC(C=C, random_state=0, max_iter=10_000)
    svm.fit(torch.cat(features).flatten(1).numpy(force=True), labels)
    weight = torch.as_tensor(svm.coef_[0].reshape(shape)).to(features[0])
    return Template(weight, float(svm.intercept_[0]), cell, block)


# -------------------------------------------------------------------------------------------------- detection
def response(template: Template, features: Tensor) -> Tensor:
    """The template's score at every place of a feature map, as one convolution.

    Args:
        template: with weights ``[D, h, w]``.
        features: ``[D, rows, columns]``.

    Returns:
        ``[rows - h + 1, columns - w + 1]``: at (r, c) the SVM's decision function of the window whose first cell is row
        r, column c.

    Raises:
        ValueError: the feature map has fewer rows or columns than the template.
    """
    if any(have < need for have, need in zip(features.shape[1:], template.weight.shape[1:], strict=True)):
        raise ValueError(
            f"A feature map of {list(features.shape[1:])} is smaller than the template, "
            f"{list(template.weight.shape[1:])} blocks ({template.size} pixels)."
        )
    bias = template.weight.new_tensor([template.bias])
    return F.conv2d(features[None], template.weight[None], bias)[0, 0]


def local_maxima(scores: Tensor, threshold: float) -> Tensor:
    """Places above a threshold that no neighbour surpasses.

    Args:
        scores: float ``[R, C]``.
        threshold: exclusive.

    Returns:
        int64 ``[N, 2]``, rows and columns.
    """
    highest = F.max_pool2d(scores[None], 3, stride=1, padding=1)[0]
    return ((scores == highest) & (scores > threshold)).nonzero()


def cells_to_boxes(cells: Tensor, template: Template, scale: tuple[float, float] = (1, 1)) -> Tensor:
    """From cells of a feature map to boxes in the image's pixels.

    Args:
        cells: int64 ``[N, 2]``, row and column of the first cell of each window.
        template: whose windows they are.
        scale: height and width of a level of the pyramid, divided by those of the image.

    Returns:
        ``[N, 4]`` in pixels with the dtype of the template, (x1, y1, x2, y2), right and bottom exclusive.
    """
    start = cells * template.cell
    y, x = start.to(template.weight.dtype).unbind(1)
    height, width = template.size
    return torch.stack((x / scale[1], y / scale[0], (x + width) / scale[1], (y + height) / scale[0]), 1)


def pyramid(
    image: Tensor, smallest: tuple[int, int], per_octave: int = 4, enlarge: float = 1
) -> Iterator[Tensor]:
    """An image at ever smaller sizes: objects of every size come to the size of a template.

    Args:
        image: float ``[C, H, W]``.
        smallest: height and width that a level has at least, in pixels.
        per_octave: levels until the size is halved.
        enlarge: scale of the first level; above 1 to find objects smaller than the template.

    Yields:
        ``[C, h, w]``, bilinear and antialiased; the sides are rounded, so compute the scale from them.
    """
    level = 0
    while True:
        scale = enlarge * 2 ** (-level / per_octave)
        size = [max(round(extent * scale), 1) for extent in image.shape[1:]]
        if size[0] < smallest[0] or size[1] < smallest[1]:
            return
        same = size == list(image.shape[1:])
        yield image if same else F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
        level += 1


def detect(
    template: Template,
    image: Tensor,
    threshold: float = 0,
    overlap: float = 0.3,
    per_octave: int = 4,
    enlarge: float = 1,
) -> tuple[Tensor, Tensor]:
    """Find what a template describes, at every place and size.

    Args:
        template: with the image's dtype and device.
        image: float ``[C, H, W]``.
        threshold: scores up to this are no detections.
        overlap: IoU above which the better of two detections suppresses the other.
        per_octave, enlarge: see `pyramid`.

    Returns:
        boxes ``[N, 4]`` in pixels and scores ``[N]``, best first. Boxes may reach a little beyond an image whose
        levels were rounded up.

    Raises:
        ValueError: the image is smaller than the template, even enlarged, or holds NaN or an infinite number.
    """
    boxes, scores = [], []
    for level in pyramid(image, template.size, per_octave, enlarge):
        scale = level.shape[1] / image.shape[1], level.shape[2] / image.shape[2]
        at = response(template, feature_map(level, template.cell, template.block))
        places = local_maxima(at, threshold)
        boxes.append(cells_to_boxes(places, template, scale))
        scores.append(at[places[:, 0], places[:, 1]])
    if not boxes:
        height, width = template.size
        raise ValueError(
            f"An image of {list(image.shape[1:])} is smaller than the template, {height} x {width}."
        )
    boxes, scores = torch.cat(boxes), torch.cat(scores)
    kept = nms(boxes, scores, overlap)
    return boxes[kept], scores[kept]
