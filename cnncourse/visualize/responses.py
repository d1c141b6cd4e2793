"""Feature maps, and the patches that a channel responds to, side by side (lecture D1)."""

from collections.abc import Iterable, Sequence

from torch import Tensor

from cnncourse.visualize.figure import subplots


def maps_figure(maps: Tensor, columns: int = 8, size: float = 0.75, names: Iterable[int] | None = None):
    """Channels of one image's feature map, float [C, h, w], each in its own range, dark where it is low.

    Args:
        names: numbers of the channels, to be written over them; by default 0, 1, 2, ...
    """
    names = list(range(len(maps)) if names is None else names)
    columns = min(columns, len(maps))
    rows = -(-len(maps) // columns)
    figure, axes = subplots(rows, columns, (columns * size, rows * (size + 0.22)))
    for ax in axes.flat:
        ax.axis("off")
    for ax, values, name in zip(axes.flat, maps.detach().cpu(), names, strict=False):
        ax.imshow(values.numpy(), cmap="magma", interpolation="nearest")
        ax.set_title(f"#{name}", fontsize=9, pad=2)
    return figure


def patches_figure(
    patches: Sequence[Tensor], values: Tensor, below: Sequence[Tensor] | None = None, size: float = 0.9
):
    """Patches in a row, the strongest first, with their responses over them.

    Args:
        patches: float [3, size, size] each, in [0, 1].
        values: float [k], the responses.
        below: what to show under each patch, such as its deconvnet projection; as ``patches``.
        size: inches of a patch.
    """
    rows = [patches] if below is None else [patches, below]
    figure, axes = subplots(len(rows), len(patches), (len(patches) * size, len(rows) * size + 0.26))
    for row, parts in zip(axes, rows, strict=True):
        for ax, part in zip(row, parts, strict=True):
            ax.imshow(part.detach().cpu().clamp(0, 1).permute(1, 2, 0).numpy(), interpolation="nearest")
            ax.axis("off")
    for ax, value in zip(axes[0], values.tolist(), strict=True):
        ax.set_title(f"{value:.2g}", fontsize=10, pad=3)
    return figure
