"""The detectors at course size: 96 pixels, ten classes, one pretrained trunk; how they are trained and measured.

All of them stand on one narrow VGG with batch normalisation that was trained to classify the embedded CIFAR-10
first, as the papers' were on ImageNet. Its first four stages have a stride of 8 at the last convolution, which the
RPN and the first map of SSD look at.
"""

import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnncourse.classification import vgg
from cnncourse.data.scenes import Settings
from cnncourse.detection.fast_rcnn import RoIHead
from cnncourse.detection.faster_rcnn import FasterRCNN
from cnncourse.detection.metrics import evaluate_voc
from cnncourse.detection.rpn import RPN
from cnncourse.detection.ssd import SSD, SSD96
from cnncourse.detection.yolo import YOLO
from cnncourse.training.annotated import AnnotatedImages

SIDE = 96
CLASSES = ("aeroplane", "bird", "boat", "bus", "car", "cat", "cow", "dog", "horse", "person")
SCENES = Settings(SIDE, CLASSES)
BACKGROUND_TOO = len(CLASSES) + 1
STAGES = ((16, 2), (32, 2), (64, 2), (128, 2), (128, 2))  # (channels, convolutions), a pooling behind each
CHANNELS = STAGES[-1][0]

classifier = functools.partial(
    vgg, list(STAGES), hidden=(128,), dropout=0.2, batch_norm=True, classes=10, input_size=64
)


def stages(features: nn.Sequential, count: int) -> nn.Sequential:
    """The first ``count`` stages of a VGG's features, the last one without its pooling."""
    pools = [i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    return features[: pools[count - 1]]


def faster_rcnn(trunk: nn.Module | None = None) -> FasterRCNN:
    """Faster R-CNN: nine anchors at every eighth pixel, regions of 5 x 5 bins."""
    features = (trunk or classifier()).features
    layers = nn.Sequential(nn.Linear(CHANNELS * 25, 128), nn.ReLU(inplace=True))
    rpn = RPN(
        CHANNELS,
        sizes=(20, 32, 48),
        stride=8,
        hidden=128,
        samples=64,
        before=(400, 400),
        after=(100, 50),
        min_size=4,
    )
    head = RoIHead(layers, 128, BACKGROUND_TOO, (5, 5), 1 / 8, samples=512, background=(0.0, 0.5))
    return channels_last(FasterRCNN(stages(features, 4), rpn, head, shorter=SIDE, longer=SIDE))


def yolo(trunk: nn.Module | None = None) -> YOLO:
    """YOLO: a grid of 6 x 6 cells, as many as the map at stride 16 has; two boxes a cell.

    Its last layers are convolutions. The paper's fully connected ones learn every place by itself: after two epochs
    of 4,000 scenes they found nothing where these had a mean average precision of 20 %.
    """
    features = (trunk or classifier()).features
    options = {"grid": 6, "boxes_per_cell": 2, "hidden": 256, "input_size": SIDE, "dropout": 0.1}
    return channels_last(YOLO(BACKGROUND_TOO, stages(features, 5), fully_connected=False, **options))


def ssd(trunk: nn.Module | None = None) -> SSD:
    """SSD on maps of 12, 6, 3 and 1 cells a side."""
    features = (trunk or classifier()).features
    return channels_last(SSD(BACKGROUND_TOO, SSD96, features, width=CHANNELS / 1024))


def channels_last(model: nn.Module) -> nn.Module:
    """The same network with the channels of a pixel side by side in memory: a quarter faster on a CPU."""
    return model.to(memory_format=torch.channels_last)


# Each takes a trained `classifier`, whose layers are used and not copied; None makes an untrained one.
DETECTORS = {"faster_rcnn": faster_rcnn, "yolo": yolo, "ssd": ssd}


def detection_step(model: nn.Module, batch) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of a detector's losses, and each of them."""
    losses = model(*batch)
    return sum(losses.values()), losses


@torch.no_grad()
def detect(model: nn.Module, images: Sequence[Tensor], batch_size: int = 50) -> list[dict[str, Tensor]]:
    """Detections of float images ``[3, H, W]``, on the CPU; the model is left in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    found = []
    for start in range(0, len(images), batch_size):
        batch = [image.to(device) for image in images[start : start + batch_size]]
        found += [{name: rows.cpu() for name, rows in one.items()} for one in model(batch)]
    return found


def average_precision(
    model: nn.Module, data: AnnotatedImages, classes: Sequence[str] = CLASSES
) -> dict[str, float]:
    """Average precision of every class at an IoU of 0.5 (area under the curve), and their mean, in percent."""
    images, targets = data.collate([data[index] for index in range(len(data))])
    result = evaluate_voc(detect(model, images), targets, len(classes) + 1)
    names = ("background", *classes)
    each = {
        name: round(100 * ap, 2) for name, ap in zip(names, result["ap"].tolist(), strict=True) if ap == ap
    }
    return {"map": round(100 * result["map"].item(), 2), **each}
