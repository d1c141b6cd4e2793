"""What a layer responds to: its feature maps, and the patches that a channel responds to most (lecture D1)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cnncourse.classification.accounting import evaluating
from cnncourse.classification.profile import Field, profile


@torch.no_grad()
def feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    """What one layer gives for images, in evaluation mode.

    The whole model runs once, with a forward hook on the layer that keeps a copy of its output: a ReLU behind the
    layer may work in place, and would write over the output itself. The model is left as it was found: without
    the hook, also when it raised an error on the way, and every part in the mode that it was in.

    Args:
        model: takes ``images``.
        images: float [B, 3, H, W].
        layer: its name in ``model.named_modules()``, for example "features.10" or "layer2.0". Of a module that
            runs several times, the last time counts.
    Returns:
        What the layer gives: float [B, C, h, w] of a convolution, [B, n] of a fully connected layer.
    """
    kept: list[Tensor] = []

    def keep(module: nn.Module, args: tuple, output: Tensor) -> None:
        kept[:] = [output.clone()]  # a ReLU that works in place would write over it

    hook = model.get_submodule(layer).register_forward_hook(keep)
    try:
        with evaluating(model):
            model(images)
    finally:
        hook.remove()
    return kept[0]


def strongest_responses(maps: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The ``count`` images to which a channel responds most, and where in each.

    An image counts once, with its strongest position: otherwise one object would fill the whole list. Of equal
    values the lower image index comes first, and within an image the upper row, then the left column.

    Args:
        maps: float [N, h, w], one channel's feature map for each image.
        count: how many images; all N where it is larger.
    Returns:
        (values, images, rows, columns), the strongest first: float [count], and int64 [count] three times.

    Example:
        >>> maps = torch.tensor([[[1.0, 3.0, 2.0]], [[0.0, 0.0, 9.0]], [[5.0, 4.0, 4.0]]])
        >>> strongest_responses(maps, 2)
        (tensor([9., 5.]), tensor([1, 2]), tensor([0, 0]), tensor([2, 0]))
    """
    width = maps.shape[2]
    values, positions = maps.flatten(1).max(dim=1)  # of equal values the first
    images = values.argsort(descending=True, stable=True)[:count]
    return values[images], images, positions[images] // width, positions[images] % width


def strongest_over(
    model: nn.Module, batches: Iterable[Tensor], layer: str, channel: int, count: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """`strongest_responses` over a data set that comes in batches.

    Args:
        model: takes the batches.
        batches: float [B, 3, H, W] each; the images are numbered through.
        layer: its name, see `feature_maps`.
        channel: of the layer's maps.
        count: how many images; all where it is larger.
    Returns:
        (values, images, rows, columns), the strongest first: float [count], and int64 [count] three times.
    Raises:
        ValueError: there is no batch.
    """
    found, seen = [], 0
    for batch in batches:
        values, images, *position = strongest_responses(feature_maps(model, batch, layer)[:, channel], count)
        found.append((values, images + seen, *position))
        seen += len(batch)
    if not found:
        raise ValueError("There are no images to respond to.")
    together = [torch.cat(parts) for parts in zip(*found, strict=True)]
    order = together[0].argsort(descending=True, stable=True)[:count]
    return tuple(part[order] for part in together)


def field_of(model: nn.Module, layer: str, input_size: int | None = None) -> Field:
    """What a position of the map of a layer or block sees of the image."""
    return [row.field for row in profile(model, input_size, blocks=True) if row.name == layer][-1]


def patch(image: Tensor, field: tuple[int, int, int], row: int, column: int, outside: float = 0.5) -> Tensor:
    """The part of an image that one position of a feature map sees.

    Position p sees ``size`` pixels from ``start + p * stride``, downwards for a row and to the right for a column.
    ``start`` is negative where the layers pad: near the borders a position sees what is not there.

    Args:
        image: float [3, H, W].
        field: (size, stride, start), the receptive field of the layer; a part of it lies inside the image.
        row, column: the position in the feature map.
        outside: value of what lies outside the image.
    Returns:
        float [3, size, size], also at the borders.

    Example:
        >>> image = torch.arange(16.0).reshape(1, 4, 4)
        >>> patch(image, field=(3, 2, -1), row=0, column=1, outside=0)
        tensor([[[0., 0., 0.],
                 [1., 2., 3.],
                 [5., 6., 7.]]])
    """
    size, stride, start = field
    top, left = start + row * stride, start + column * stride
    height, width = image.shape[1:]
    seen = image.new_full((len(image), size, size), outside)
    y1, y2 = max(top, 0), min(top + size, height)
    x1, x2 = max(left, 0), min(left + size, width)
    seen[:, y1 - top : y2 - top, x1 - left : x2 - left] = image[:, y1:y2, x1:x2]
    return seen
