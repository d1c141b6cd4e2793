"""Fully convolutional networks: a classifier slid over the image, upsampled, with skips.

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation" (2015). Where the paper
is silent (padding, crops, initialisation) the published Caffe models decide.
"""

import copy
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnncourse.checks import one_of
from cnncourse.segmentation.upsampling import bilinear_kernel, bilinear_weight

UPSAMPLING = ("fixed", "per_class", "dense")


# ------------------------------------------------------------------------ a classifier, made convolutional
def linear_to_conv(linear: nn.Linear, kernel_size: int) -> nn.Conv2d:
    """The convolution that computes, at every position, what a fully connected layer computes on that crop.

    Section 3.1.

    Args:
        linear: reads a flattened map ``[C, kernel_size, kernel_size]``.
        kernel_size: side of that map; 1 for a layer behind another fully connected one.

    Returns:
        A convolution without padding, with copies of the same weights in another shape
        (``[C_out, C, kernel_size, kernel_size]``).

    Raises:
        ValueError: the layer's inputs are no such map.
    """
    if linear.in_features % kernel_size**2:
        raise ValueError(f"{linear.in_features} inputs are no map of {kernel_size} x {kernel_size} cells")
    channels = linear.in_features // kernel_size**2
    conv = nn.Conv2d(channels, linear.out_features, kernel_size, bias=linear.bias is not None)
    conv = conv.to(linear.weight)
    with torch.no_grad():
        conv.weight.copy_(linear.weight.view(conv.weight.shape))
        if linear.bias is not None:
            conv.bias.copy_(linear.bias)
    return conv


def convolutional_classifier(classifier: nn.Sequential, kernel_size: int) -> nn.Sequential:
    """The fully connected layers of a network as convolutions; the first reads maps of ``kernel_size``.

    Heat maps of all classes come out of ``features`` followed by this: equal at each position to the classifier on that
    crop, if no layer of ``features`` pads and crops begin at multiples of its stride.

    Args:
        classifier: fully connected layers, and others without weights of a shape of their own; copied.
        kernel_size: side of the map that the first of them reads.

    Returns:
        Maps ``[B, C, H, W]`` to ``[B, classes, H - kernel_size + 1, W - kernel_size + 1]``.

    Raises:
        ValueError: the first layer's inputs are no such map.
    """
    layers = []
    for layer in classifier:
        if isinstance(layer, nn.Linear):
            layers.append(linear_to_conv(layer, kernel_size))
            kernel_size = 1
        else:
            layers.append(copy.deepcopy(layer))
    return nn.Sequential(*layers)


# -------------------------------------------------------------------------------------- where a cell stands
def cell_position(layers: Iterable[nn.Module]) -> tuple[int, float]:
    """Where the cells of a feature map stand in the image (square kernels).

    Args:
        layers: convolutions and poolings, in order; anything else keeps positions.

    Returns:
        (stride, start): the centre of cell i lies at pixel ``stride * i + start`` (the centre of pixel j at j).
    """
    stride, start = 1, 0.0
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            kernel, step, padding = (
                value if isinstance(value, int) else value[0]
                for value in (layer.kernel_size, layer.stride, layer.padding)
            )
            start += stride * ((kernel - 1) / 2 - padding)
            stride *= step
    return stride, start


def upsampled_position(stride: int, start: float, factor: int) -> tuple[int, float]:
    """`cell_position` after a transposed convolution of kernel ``2 * factor`` and stride ``factor``, unpadded.

    Cell i of the coarse map is the centre ``factor * i + factor - 1/2`` of its copy of the kernel.

    Args:
        stride, start: of the coarse map, from `cell_position`.
        factor: divides ``stride``.

    Returns:
        (stride, start) of the fine map, in pixels of the image.
    """
    return stride // factor, start - stride // factor * (factor - 0.5)


# ------------------------------------------------------------------------------------------------ the model
class Upsample(nn.Module):
    """Transposed convolution with kernel ``2 * factor`` and stride ``factor``, initialised to bilinear.

    Args:
        channels: of the map.
        factor: of enlargement.
        upsampling: "fixed" has no parameters, "per_class" one learned kernel for each class, "dense" one for each pair
            of classes.

    Raises:
        ValueError: another ``upsampling``.
    """

    def __init__(self, channels: int, factor: int, upsampling: str = "fixed"):
        super().__init__()
        one_of("upsampling", upsampling, UPSAMPLING)
        self.factor, self.groups = factor, 1 if upsampling == "dense" else channels
        if upsampling == "dense":
            weight = bilinear_weight(channels, 2 * factor)
        else:
            weight = bilinear_kernel(2 * factor).repeat(channels, 1, 1, 1)
        if upsampling == "fixed":
            self.register_buffer("weight", weight, persistent=False)
        else:
            self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """The map enlarged, with half a coarse cell more on every side.

        Args:
            x: ``[B, C, H, W]``.

        Returns:
            ``[B, C, factor * (H + 1), factor * (W + 1)]``.
        """
        return F.conv_transpose2d(x, self.weight, stride=self.factor, groups=self.groups)


class FCN(nn.Module):
    """FCN-32s, 16s or 8s (section 4 of the paper), made of a classifier.

    The first convolution pads the image so far that the coarsest map covers it; pooling rounds sizes up, as Caffe does.
    Scores of the classifier's last map and, with skips, of the maps at a half and a quarter of its stride are
    upsampled, cropped to each other and added. Scoring layers start at zero, upsampling as bilinear interpolation, so a
    network with one skip more, loaded with the weights of one without (``strict=False``), starts out computing nearly
    the same.

    Args:
        classifier: a network with ``features`` (convolutions and poolings that halve the map), ``avgpool`` whose
            ``output_size`` is the map that its ``classifier`` reads, and ``classifier``, whose last layer is replaced.
            Its weights are copied.
        num_classes: with the background, 21 for Pascal VOC.
        skips: 0, 1 or 2: FCN-32s, 16s, 8s for VGG.
        padding: of the first convolution; the published models' 100. None is the smallest that works.
        upsampling: see `Upsample`. The published models keep all of it fixed; in the paper the steps between the skips
            are learned.

    Raises:
        ValueError: another ``upsampling``, a padding that is too small, or a classifier with too few poolings for the
            skips, or one that reads a single cell.
    """

    def __init__(
        self,
        classifier: nn.Module,
        num_classes: int = 21,
        skips: int = 0,
        padding: int | None = None,
        upsampling: str = "fixed",
    ):
        super().__init__()
        self.trunk = copy.deepcopy(classifier.features)
        kernel_size = _side(classifier.avgpool.output_size)
        layers = convolutional_classifier(classifier.classifier, kernel_size)[:-1]
        self.pools = [i for i, layer in enumerate(self.trunk) if isinstance(layer, nn.MaxPool2d)]
        if len(self.pools) <= skips or kernel_size < 2:
            raise ValueError(
                f"{skips} skips need more poolings than that, and a classifier that reads at least 2 x 2 cells; "
                f"this one has {len(self.pools)} and reads {kernel_size} x {kernel_size}"
            )
        self.head = layers
        self._pad(kernel_size, padding)
        finer = self.pools[-2 : -2 - skips : -1]
        widths = [_channels(layers), *(_channels(self.trunk[: i + 1]) for i in finer)]
        self.score = nn.ModuleList(_zero(nn.Conv2d(width, num_classes, 1)) for width in widths)
        stride = cell_position(self.trunk)[0]
        self.upsample = nn.ModuleList(Upsample(num_classes, 2, upsampling) for _ in range(skips))
        self.upsample.append(Upsample(num_classes, stride >> skips, upsampling))
        self.to(next(classifier.parameters()))

    def _pad(self, kernel_size: int, padding: int | None) -> None:
        first = next(layer for layer in self.trunk if isinstance(layer, nn.Conv2d))
        stride = cell_position(self.trunk)[0]
        # The coarsest map, upsampled, has to begin no later than the image; rounding sizes up it ends no earlier.
        smallest = max(first.kernel_size[0] // 2, stride * kernel_size // 2 - stride + 1)
        padding = smallest if padding is None else padding
        if padding < smallest:
            raise ValueError(f"a padding of {padding} leaves the border unseen: {smallest} at least")
        first.padding = (padding, padding)
        for i in self.pools:
            self.trunk[i].ceil_mode = True

    def crops(self) -> list[int]:
        """How many cells are cut off at the top and left of every skip, and at last of the upsampled scores.

        They follow from where cells stand. With VGG-16 and padding 100: 19 for FCN-32s, 5 and 27 for 16s, 5,
        9 and 31 for 8s, the numbers in the published models. A negative number adds cells of zeros instead
        (with a classifier that reads 2 x 2 cells).
        """
        stride, start = cell_position([*self.trunk, *self.head])
        offsets = []
        skips = self.pools[-2 : -1 - len(self.upsample) : -1]
        for upsample, pool in zip(self.upsample, [*skips, None], strict=True):
            stride, start = upsampled_position(stride, start, upsample.factor)
            other = 0.0 if pool is None else cell_position(self.trunk[: pool + 1])[1]
            offset = (start - other) / stride
            offsets.append(round(-offset if pool is None else offset))
        return offsets

    def forward(self, images: Tensor) -> Tensor:
        """Scores of every pixel.

        Args:
            images: float ``[B, 3, H, W]``, any size that is not smaller than what the classifier reads.

        Returns:
            ``[B, num_classes, H, W]``.

        Raises:
            ValueError: the images have other dimensions, are empty, or so small that the classifier reads more cells
                than there are.
        """
        if images.ndim != 4 or 0 in images.shape:
            raise ValueError(f"images must be [B, 3, H, W] and not empty, got {list(images.shape)}")
        maps, x = [], images
        for i, layer in enumerate(self.trunk):
            x = layer(x)
            if i in self.pools[:-1]:
                maps.append(x)
        if min(x.shape[-2:]) < self.head[0].kernel_size[0]:
            raise ValueError(
                f"images of {images.shape[-2]} x {images.shape[-1]} pixels are too small: the classifier reads "
                f"{self.head[0].kernel_size[0]} cells, {x.shape[-2]} x {x.shape[-1]} are there; a larger padding helps"
            )
        scores = self.score[0](self.head(x))
        *offsets, last = self.crops()
        for k, offset in enumerate(offsets):
            skip = F.pad(self.score[k + 1](maps[-1 - k]), (-offset, 0, -offset, 0))
            scores = self.upsample[k](scores)
            height, width = (min(a, b) for a, b in zip(skip.shape[-2:], scores.shape[-2:], strict=True))
            scores = scores[..., :height, :width] + skip[..., :height, :width]
        height, width = images.shape[-2:]
        return self.upsample[-1](scores)[..., last : last + height, last : last + width].contiguous()


def fix_all_but_score(model: FCN) -> FCN:
    """FCN-32s-fixed (table 2): only the layer that scores the last map is trained.

    Args:
        model: changed in place; with skips the layers that score their maps are trained, too.

    Returns:
        The same model.
    """
    model.requires_grad_(False)
    model.score.requires_grad_(True)
    return model


def segmentation_loss(scores: Tensor, target: Tensor, ignore: int = 255, normalize: bool = False) -> Tensor:
    """Softmax loss summed over all pixels that are not void.

    Args:
        scores: float ``[B, K, H, W]``.
        target: integer ``[B, H, W]``, classes or ``ignore``.
        ignore: the label of void pixels (Pascal VOC: 255).
        normalize: divide by the number of pixels counted. The published models do not, which is why their learning rate
            is as small as 1e-10 and less.

    Returns:
        Scalar; 0 where everything is void.

    Raises:
        ValueError: the target has another shape, or a class outside ``0..K-1``; the message says in which image.
    """
    _check_target(scores, target, ignore)
    loss = F.cross_entropy(scores, target.long(), ignore_index=ignore, reduction="sum")
    return loss / (target != ignore).sum().clamp(min=1) if normalize else loss


def _check_target(scores: Tensor, target: Tensor, ignore: int) -> None:
    if target.shape != scores.shape[:1] + scores.shape[2:]:
        raise ValueError(f"scores {list(scores.shape)} need targets [B, H, W], got {list(target.shape)}")
    for i, labels in enumerate(target):
        wrong = labels[(labels != ignore) & ((labels < 0) | (labels >= scores.shape[1]))]
        if wrong.numel():
            raise ValueError(f"image {i}: class {int(wrong[0])} is outside 0..{scores.shape[1] - 1}")


def _side(output_size: int | tuple[int, int]) -> int:
    return output_size if isinstance(output_size, int) else output_size[0]


def _channels(layers: nn.Sequential) -> int:
    return [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)][-1]


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv
