"""SPP-net: one pass over the image, and a spatial pyramid over every region of the feature map.

He, Zhang, Ren and Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual Recognition" (2014).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from cnncourse.detection import _roi_fast
from cnncourse.detection.inputs import prepare, scale_boxes
from cnncourse.detection.rcnn import RCNN
from cnncourse.detection.roi import project_to_cells, spatial_pyramid_pool


class SPPClassifier(nn.Module):
    """A classifier for images of any size (section 2): trunk, pyramid, fully connected layers.

    Args:
        features: the trunk: images ``[B, 3, H, W]`` to a map of ``channels``.
        channels: of that map.
        hidden: sizes of the fully connected layers before the last.
        classes: logits.
        levels: of the pyramid, see `spatial_pyramid_pool`.
        dropout: behind each fully connected layer but the last.
    """

    def __init__(
        self,
        features: nn.Module,
        channels: int,
        hidden: Sequence[int] = (4096, 4096),
        classes: int = 1000,
        levels: Sequence[int] = (6, 3, 2, 1),
        dropout: float = 0.5,
    ):
        super().__init__()
        self.features, self.levels = features, tuple(levels)
        self.avgpool, self.input_size = nn.Identity(), None  # other classifiers' names: here any size will do
        sizes, layers = [channels * sum(n * n for n in levels), *hidden], []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True), nn.Dropout(dropout)]
        self.classifier = nn.Sequential(*layers, nn.Linear(sizes[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """Scores of images of any size.

        Args:
            images: float ``[B, 3, H, W]``.

        Returns:
            Logits ``[B, classes]``.
        """
        return self.classifier(spatial_pyramid_pool(self.features(images), self.levels))


class SPPNet(RCNN):
    """Detection with SPP-net (section 4): R-CNN's three stages on features of one pass over the image.

    Fine-tuning (stage 1) updates the fully connected layers alone. That is the paper's recipe, a choice of cost: the
    pyramid is differentiable, and with ``train_trunk`` gradients go through it (Fast R-CNN's point).

    Args:
        classifier: a `SPPClassifier`; its layers are used, not copied, and its last layer is replaced.
        num_classes: with the background.
        stride: of the trunk, in pixels.
        scales: shorter sides in pixels the image is resized to; every region is taken from the one at which its area
            comes nearest to 224 x 224 pixels (section 4.1). One pass each.
        train_trunk: against the recipe.
        options: of `RCNN`, without ``context``.
    """

    TYPICAL_AREA = 224 * 224

    def __init__(
        self,
        classifier: SPPClassifier,
        num_classes: int = 21,
        stride: int = 16,
        scales: Sequence[int] = (480, 576, 688, 864, 1200),
        train_trunk: bool = False,
        **options,
    ):
        super().__init__(classifier, num_classes, context=0, **options)
        self.levels, self.stride = classifier.levels, stride
        self.scales, self.train_trunk = tuple(scales), train_trunk
        self.trunk.requires_grad_(train_trunk)

    def pooled(self, image: Tensor, proposals: Tensor) -> Tensor:
        """The pyramid of every region: one pass of the trunk for each scale that is chosen.

        Args:
            image: float ``[3, H, W]``, not normalised.
            proposals: ``[P, 4]`` in its pixels.

        Returns:
            ``[P, D]``.
        """
        if not len(proposals):
            return image.new_zeros(0, self.regress_weight.shape[1] - 1)
        proposals = proposals.to(image.dtype)
        sizes = [_at_scale(image.shape[1:], scale) for scale in self.scales]
        which = choose_scales(proposals, image.shape[1:], sizes, self.TYPICAL_AREA)
        out = None
        for k, size in enumerate(sizes):
            mine = (which == k).nonzero()[:, 0]
            if not len(mine):
                continue
            batch, _ = prepare([image], None, [size], self.mean, self.std)
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.train_trunk):
                features = self.trunk(batch)
            cells = [project_to_cells(scale_boxes(proposals[mine], image.shape[1:], size), self.stride)]
            part = torch.cat(
                [_roi_fast.region_max_pool(features, cells, (n, n)).flatten(1) for n in self.levels], 1
            )
            out = part.new_zeros(len(proposals), part.shape[1]) if out is None else out
            out = out.index_copy(0, mine, part)
        return out


def choose_scales(
    proposals: Tensor, size: tuple[int, int], sizes: Sequence[tuple[int, int]], area: float
) -> Tensor:
    """For every region the scale at which its area comes nearest to ``area`` (section 4.1).

    Args:
        proposals: ``[P, 4]`` in pixels of an image of ``size``.
        size: ``(height, width)`` of that image.
        sizes: ``(height, width)`` of the image at every scale.
        area: in square pixels.

    Returns:
        int64 ``[P]``, indices into ``sizes``; of equally near ones the first.
    """
    areas = (proposals[:, 2:] - proposals[:, :2]).prod(1)
    growth = proposals.new_tensor([s[0] * s[1] / (size[0] * size[1]) for s in sizes])
    return (areas[:, None] * growth - area).abs().argmin(1)


def _at_scale(size: tuple[int, int], shorter: int) -> tuple[int, int]:
    scale = shorter / min(size)
    return round(size[0] * scale), round(size[1] * scale)
