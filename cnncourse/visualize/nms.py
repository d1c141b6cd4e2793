"""Non-maximum suppression, round by round, as pictures one steps through (lecture D0)."""

from collections.abc import Collection, Mapping, Sequence
from string import ascii_uppercase

from IPython.display import HTML
from torch import Tensor

from cnncourse.detection.boxes import box_iou
from cnncourse.detection.nms import nms
from cnncourse.visualize.figure import BLUE, GREEN, VERMILLION, subplots
from cnncourse.visualize.steps import steps


def nms_steps(image, boxes: Tensor, scores: Tensor, threshold: float) -> HTML:
    """Which box is kept in each round, and which ones go because they overlap it too much.

    Boxes are named by letters, the best first. Solid green is kept, dashed vermillion goes, blue waits.

    Args:
        image: uint8 [H, W, 3].
        boxes: of one class, [N, 4] in pixels, N from 1 to 26.
        scores: [N].
        threshold: as for `nms`.

    Raises:
        ValueError: there are no boxes, or more than letters.
    """
    if not 1 <= len(boxes) <= len(ascii_uppercase):
        raise ValueError(f"boxes are named by letters: 1 to {len(ascii_uppercase)} boxes, got {len(boxes)}")
    order = scores.argsort(descending=True, stable=True)
    boxes, scores = boxes[order], scores[order]
    rounds = nms_rounds(boxes, scores, threshold)
    overlaps = box_iou(boxes, boxes)
    draw = _Drawing(image, boxes.tolist(), scores.tolist())
    left, kept = list(range(len(boxes))), []
    frames = [draw(kept, left)]
    sentences = [f"{len(left)} boxes of one class, the best first."]
    for best, gone in rounds:
        frames.append(draw([*kept, best], left, gone, overlaps[best].tolist(), best))
        sentences.append(_sentence(best, gone, threshold))
        kept.append(best)
        left = [number for number in left if number != best and number not in gone]
    frames.append(draw(kept, left))
    sentences.append(f"None waits any more: {len(kept)} of {len(boxes)} boxes are kept.")
    words = f"{len(boxes)} boxes on an image and below it their scores as bars: non-maximum suppression"
    return steps(frames, sentences, words)


def nms_rounds(boxes: Tensor, scores: Tensor, threshold: float) -> list[tuple[int, list[int]]]:
    """What `nms` does in each round, asked of `nms` itself.

    Args:
        boxes: [N, 4].
        scores: [N], falling.
        threshold: as for `nms`.

    Returns:
        For each box that is kept its number, and the numbers of those that go because of it.
    """
    kept = nms(boxes, scores, threshold).tolist()
    left, rounds = [number for number in range(len(boxes)) if number not in kept], []
    for best in kept:
        pairs = {number: [best, number] for number in left if number > best}
        gone = [
            number for number, pair in pairs.items() if len(nms(boxes[pair], scores[pair], threshold)) == 1
        ]
        left = [number for number in left if number not in gone]
        rounds.append((best, gone))
    return rounds


def _sentence(best: int, gone: Sequence[int], threshold: float) -> str:
    said = f"Of the boxes that wait {ascii_uppercase[best]} is the best: it is kept."
    if not gone:
        return f"{said} None of the others overlaps it by more than {threshold:g}."
    names = " and ".join(
        filter(None, [", ".join(ascii_uppercase[n] for n in gone[:-1]), ascii_uppercase[gone[-1]]])
    )
    return f"{said} {names} {'goes' if len(gone) == 1 else 'go'}, with an IoU above {threshold:g}."


class _Drawing:
    """Draws a frame: the image with the boxes that are not gone, and the scores of all."""

    def __init__(self, image, boxes: Sequence[Sequence[float]], scores: Sequence[float]):
        self.image, self.boxes, self.scores = image, boxes, scores

    def __call__(
        self,
        kept: Collection[int],
        left: Collection[int],
        gone: Collection[int] = (),
        overlaps: Sequence[float] = (),
        best: int | None = None,
    ):
        looks = {
            **{number: {"color": BLUE, "linewidth": 1.5} for number in left},
            **{number: {"color": VERMILLION, "linestyle": (0, (3, 2)), "linewidth": 2} for number in gone},
            **{number: {"color": GREEN, "linewidth": 4 if number == best else 2.5} for number in kept},
        }
        figure, axes = subplots(2, 1, (4.5, 6.1), gridspec_kw={"height_ratios": [4.4, 1]})
        self._boxes(axes[0, 0], looks)
        self._bars(axes[1, 0], looks, overlaps, best)
        return figure

    def _boxes(self, ax, looks: Mapping[int, Mapping]) -> None:
        from matplotlib.patches import Rectangle

        ax.imshow(self.image, interpolation="nearest")
        for number in sorted(looks, reverse=True):  # the best on top
            x1, y1, x2, y2 = self.boxes[number]
            # Pixel centres have whole coordinates in imshow, pixel edges in boxes.
            place = (x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1
            ax.add_patch(
                Rectangle(*place, fill=False, edgecolor="white", linewidth=looks[number]["linewidth"] + 2)
            )
            ax.add_patch(Rectangle(*place, fill=False, **looks[number]))
            # Boxes of one thing have nearly the same corners: letters side by side, above and below in turn.
            above = number % 2 == 0
            ax.text(
                x1 - 0.5 + (number + 0.5) / len(self.boxes) * (x2 - x1),
                (y1 if above else y2 - 1) + (0.01 if above else -0.01) * len(self.image),
                ascii_uppercase[number],
                ha="center",
                va="top" if above else "bottom",
                fontsize=11,
                color="white",
                bbox={"facecolor": looks[number]["color"], "pad": 1.5, "linewidth": 0},
                clip_on=True,
            )
        ax.axis("off")

    def _bars(self, ax, looks: Mapping[int, Mapping], overlaps: Sequence[float], best: int | None) -> None:
        names = []
        for number, score in enumerate(self.scores):
            look = looks.get(number)
            filled = {"color": look["color"]} if look else {"color": "white", "edgecolor": "#999999"}
            ax.bar(number, score, width=0.8, **filled)
            ax.text(number, score + 0.04, f"{score:.2f}", ha="center", fontsize=10)
            compared = best is not None and look and number > best
            # A second line in any case: the picture must not shift from frame to frame.
            names.append(f"{ascii_uppercase[number]}\n{f'{overlaps[number]:.2f}' if compared else ' '}")
        ax.set_xticks(range(len(names)), names)
        ax.tick_params(length=0)
        ax.grid(False)
        ax.set(ylim=(0, 1.2), yticks=[], xlim=(-0.6, max(len(names), 6) - 0.4))
        ax.spines["left"].set_visible(False)
        ax.set_title(
            "scores" if best is None else f"scores; below, IoU with {ascii_uppercase[best]}", fontsize=11
        )
