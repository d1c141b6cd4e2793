"""Detection's operators and whole detectors beside torchvision's, on one thread, with the same inputs and layers."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision import ops
from torchvision.models.detection import FasterRCNN, ssd300_vgg16
from torchvision.models.detection._utils import Matcher
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.rpn import RPNHead

from benchmarks import Result
from cnncourse.detection import _nms_fast, _roi_fast, anchors, boxes, matching
from cnncourse.detection.faster_rcnn import faster_rcnn_vgg
from cnncourse.detection.ssd import SSD

ROUNDS = 5
OPERATORS, DETECTORS = 3.0, 1.1  # the aims: operators beside compiled ones, whole detectors


def fastest(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Milliseconds of each one's fastest round; the two take turns."""
    times: list[tuple[float, float]] = []
    for _ in range(rounds + 1):  # the first warms up
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        theirs()
        times.append((middle - start, time.perf_counter() - middle))
    mine, other = (1000 * min(column) for column in zip(*times[1:], strict=True))
    return mine, other


def random_boxes(count: int, width: float, height: float) -> Tensor:
    """``[count, 4]`` inside the image, sides around 100 pixels."""
    centre = torch.rand(count, 2) * torch.tensor([width, height])
    half = torch.exp(0.6 * torch.randn(count, 2) + 4.6) / 2
    limits = torch.tensor([width, height, width, height])
    return torch.cat([centre - half, centre + half], 1).clamp_min(0).minimum(limits)


class TheirPool(ops.MultiScaleRoIAlign):
    """torchvision's constructor lets only this type in; what it does is RoI pooling."""

    def __init__(self):
        super().__init__(["0"], 7, 2)

    def forward(self, features, proposals, image_shapes):
        return ops.roi_pool(features["0"], proposals, 7, 1 / 16)


class TheirPredictor(nn.Module):
    """The two outputs of our head, as torchvision takes them."""

    def __init__(self, head: nn.Module):
        super().__init__()
        self.head = head

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.head.score(x), self.head.regress(x)


def faster_rcnns() -> tuple[nn.Module, nn.Module]:
    """Faster R-CNN with VGG-16, ours and torchvision's around the very same layers."""
    ours = faster_rcnn_vgg(21, rpn={"variant": "torchvision", "min_size": 1e-3}).eval()
    ours.trunk.out_channels = 512
    head = RPNHead(512, 9)
    head.conv[0][0], head.cls_logits, head.bbox_pred = (
        ours.rpn.head.conv,
        ours.rpn.head.score,
        ours.rpn.head.regress,
    )
    theirs = FasterRCNN(
        ours.trunk,
        min_size=600,
        max_size=1000,
        rpn_anchor_generator=AnchorGenerator(((128, 256, 512),), ((0.5, 1.0, 2.0),)),
        rpn_head=head,
        rpn_pre_nms_top_n_test=6000,
        rpn_post_nms_top_n_test=300,
        box_roi_pool=TheirPool(),
        box_head=nn.Sequential(nn.Flatten(), ours.head.layers),
        box_predictor=TheirPredictor(ours.head),
        box_nms_thresh=0.3,
    ).eval()
    return ours, theirs


def ssds() -> tuple[nn.Module, nn.Module]:
    """SSD300, ours and torchvision's, the same weights."""
    ours, theirs = SSD(21).eval(), ssd300_vgg16(weights=None, weights_backbone=None, num_classes=21).eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    return ours, theirs


def operators() -> list[dict]:
    """RoI pooling and NMS at 300 proposals, matching at 38 x 50 x 9 anchors."""
    features, regions = torch.randn(1, 512, 38, 50).relu(), random_boxes(300, 800, 600)
    few, many = random_boxes(300, 1000, 600), random_boxes(6000, 1000, 600)
    scores = torch.rand(6000)
    grid = anchors.grid_anchors(anchors.base_anchors(), (38, 50), 16)
    objects = random_boxes(10, 800, 600)
    gradient = torch.randn(300, 512, 7, 7)
    learnt = features.clone().requires_grad_()

    def back(pooled: Tensor) -> Tensor:
        return torch.autograd.grad(pooled, learnt, gradient)[0]

    pairs = {
        "RoI pooling, 300 regions": (
            lambda: _roi_fast.roi_pool(features, [regions], (7, 7), 1 / 16),
            lambda: ops.roi_pool(features, [regions], 7, 1 / 16),
        ),
        "RoI pooling and its gradient": (
            lambda: back(_roi_fast.roi_pool(learnt, [regions], (7, 7), 1 / 16)),
            lambda: back(ops.roi_pool(learnt, [regions], 7, 1 / 16)),
        ),
        "NMS, 300 boxes": (
            lambda: _nms_fast.nms(few, scores[:300], 0.7),
            lambda: ops.nms(few, scores[:300], 0.7),
        ),
        "NMS, 6,000 boxes, the first 300": (
            lambda: _nms_fast.nms(many, scores, 0.7, limit=300),
            lambda: ops.nms(many, scores, 0.7)[:300],
        ),
        "matching, 10 objects, 17,100 anchors": (
            lambda: matching.match(boxes.box_iou(objects, grid), 0.7, 0.3, True),
            lambda: Matcher(0.7, 0.3, True)(ops.box_iou(objects, grid)),
        ),
    }
    return [_row(name, OPERATORS, *fastest(*pair)) for name, pair in pairs.items()]


def detectors() -> list[dict]:
    """Inference of whole detectors on one image."""
    rows = []
    for name, build, shape in (
        ("SSD300, 300 x 300", ssds, (3, 300, 300)),
        ("Faster R-CNN VGG-16, 600 x 800", faster_rcnns, (3, 600, 800)),
    ):
        ours, theirs = build()
        images = [torch.rand(shape)]
        rows.append(_row(name, DETECTORS, *fastest(lambda: ours(images), lambda: theirs(images))))  # noqa: B023
    return rows


def _row(name: str, aim: float, mine: float, other: float) -> dict:
    return {"what": name, "ours [ms]": mine, "torchvision [ms]": other, "ratio": mine / other, "aim": aim}


@torch.no_grad()
def run() -> Result:
    """Both tables in one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        with torch.enable_grad():
            rows = operators()
        rows += detectors()
    finally:
        torch.set_num_threads(threads)
    above = [f"{row['what']} ({row['ratio']:.2f})" for row in rows if row["ratio"] > row["aim"]]
    notes = ["The fastest of several rounds counts for each, taken in turns."]
    return Result(
        "Detection beside torchvision",
        rows,
        notes + ([f"Above the aim: {', '.join(above)}."] if above else []),
    )
