"""Proposals by every method of the course, and how long each step of a detector takes that waits for them."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cnncourse.classical.edge_boxes import edge_boxes
from cnncourse.classical.proposals import random_boxes, sliding_windows
from cnncourse.classical.selective_search import selective_search
from cnncourse.detection.boxes import large_enough
from cnncourse.detection.inputs import limited_size, prepare, scale_boxes
from cnncourse.experiments._scenes import clock_of

STEPS = ("proposals", "trunk", "head")
HEADS = 300  # proposals that Faster R-CNN's head looks at in a test (section 3.3)


def proposer(method: str, seed: int, count: int, published: bool, rpn: nn.Module) -> Callable:
    """A function from an image, the trunk's features and the size of the network's image to boxes, best first.

    Of the published settings one is not: Edge Boxes refines 100 windows, not all (each takes as long as scoring
    hundreds). Settings for scenes were chosen on training scenes, which have a twentieth of the pixels of VOC's images:
    95 % of the objects that count have over 300 pixels, so windows and regions begin at smaller sizes. First regions
    of 10 pixels give over twice as many boxes as those of 50 and 100, which recall at 0.7 needs; refining the best 20
    windows nearly doubles what Edge Boxes' first box covers, in 1.4 times the time.
    """
    generator = torch.Generator().manual_seed(seed)
    area, side, regions, refined = (1000, 20, None, 100) if published else (300, 8, 10, 20)
    # In a test: every anchor enters NMS, and as many boxes leave it as are asked for.
    rpn.before, rpn.after = (0, 10_000), (0, count)

    def drawn(size):
        windows = sliding_windows(size, min_area=area)
        return windows[torch.randperm(len(windows), generator=generator)]

    def searched(image):
        boxes = selective_search(image, min_size=regions, seed=seed)
        return boxes[large_enough(boxes, side)]

    return {
        "random boxes": lambda image, *_: random_boxes(count, image.shape[1:], generator),
        "sliding window": lambda image, *_: drawn(image.shape[1:]),
        "Selective Search": lambda image, *_: searched(image),
        "Edge Boxes": lambda image, *_: edge_boxes(image, min_area=area, refined=refined)[0],
        "RPN": lambda image, features, size: scale_boxes(rpn(features, [size])[0][0], size, image.shape[1:]),
    }[method]


def timed(propose: Callable, model: nn.Module, image: Tensor, device: str) -> tuple[Tensor, list[float]]:
    """What a method proposes, and how long it and the rest of the detector take.

    Args:
        propose: what `proposer` gives.
        model: a Faster R-CNN in evaluation mode.
        image: float ``[3, H, W]`` in [0, 1].

    Returns:
        Boxes ``[N, 4]`` in the image's pixels; the seconds of proposing, of the trunk, and of the head on the first
        boxes.
    """
    size, clock = limited_size(image.shape[1:], model.shorter, model.longer), clock_of(device)
    marks = [clock()]

    def passed(result):
        if device != "cpu":
            torch.cuda.synchronize()  # kernels run on while Python goes ahead
        marks.append(clock())
        return result

    batch, _ = prepare([image.to(device)], None, [size], model.mean, model.std, model.divisor)
    features = passed(model.trunk(batch))
    boxes = passed(propose(image, features, size))
    regions = scale_boxes(boxes[:HEADS].to(device), image.shape[1:], size)
    passed(model.head.detections(features, [regions], [size]))
    trunk, proposing, head = (b - a for a, b in itertools.pairwise(marks))
    return boxes.cpu(), [proposing, trunk, head]


@contextmanager
def one_thread() -> Iterator[None]:
    """Seconds of the processor are those of the clock only where one thread works."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
