"""Detectors and segmentation networks at course size: scenes of 96 pixels, ten classes, one pretrained classifier.

All of them stand on one narrow VGG with batch normalisation that was trained to classify the embedded CIFAR-10
first, as the papers' were on ImageNet. Its first four stages have a stride of 8 at the last convolution, which the
RPN and the first map of SSD look at.

Its five poolings make the strides 32, 16 and 8 of the fully convolutional networks. A scene's side is three cells of
stride 32, where VOC's images have about fifteen: what a coarse map loses is larger here than there.
"""

import functools

import torch
from torch import nn

from cnncourse.classification import vgg
from cnncourse.data.scenes import Settings
from cnncourse.detection.fast_rcnn import RoIHead
from cnncourse.detection.faster_rcnn import FasterRCNN
from cnncourse.detection.rpn import RPN
from cnncourse.detection.ssd import SSD, SSD96
from cnncourse.detection.yolo import YOLO
from cnncourse.segmentation.fcn import FCN, fix_all_but_score

SIDE = 96
CLASSES = ("aeroplane", "bird", "boat", "bus", "car", "cat", "cow", "dog", "horse", "person")
SCENES = Settings(SIDE, CLASSES)
BACKGROUND_TOO = len(CLASSES) + 1
STAGES = ((16, 2), (32, 2), (64, 2), (128, 2), (128, 2))  # (channels, convolutions), a pooling behind each
CHANNELS = STAGES[-1][0]

# The classifier that the others start from.
narrow_vgg = functools.partial(
    vgg, list(STAGES), hidden=(128,), dropout=0.2, batch_norm=True, classes=10, input_size=64
)


def stages(features: nn.Sequential, count: int) -> nn.Sequential:
    """The first ``count`` stages of a VGG's features, the last one without its pooling.

    The layers are used, not copied.
    """
    pools = [i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    return features[: pools[count - 1]]


def faster_rcnn(classifier: nn.Module | None = None) -> FasterRCNN:
    """Faster R-CNN: nine anchors at every eighth pixel, regions of 5 x 5 bins.

    Fast R-CNN's lower bound of the background, an IoU of 0.1, is 0 here, as in the authors' configuration for
    training end to end: the head has to know the regions that overlap nothing, which are most of a scene's.
    """
    features = (classifier or narrow_vgg()).features
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


def yolo(classifier: nn.Module | None = None) -> YOLO:
    """YOLO: a grid of 6 x 6 cells, as many as the map at stride 16 has; two boxes a cell.

    Its last layers are convolutions. The paper's fully connected ones learn every place by itself: after two epochs
    of 4,000 scenes they found nothing where these had a mean average precision of 20 %.
    """
    features = (classifier or narrow_vgg()).features
    options = {"grid": 6, "boxes_per_cell": 2, "hidden": 256, "input_size": SIDE, "dropout": 0.1}
    return channels_last(YOLO(BACKGROUND_TOO, stages(features, 5), fully_connected=False, **options))


def ssd(classifier: nn.Module | None = None) -> SSD:
    """SSD on maps of 12, 6, 3 and 1 cells a side."""
    features = (classifier or narrow_vgg()).features
    return channels_last(SSD(BACKGROUND_TOO, SSD96, features, width=CHANNELS / 1024))


def channels_last(model: nn.Module) -> nn.Module:
    """The same network with the channels of a pixel side by side in memory: a quarter faster on a CPU."""
    return model.to(memory_format=torch.channels_last)


# Each takes a trained `narrow_vgg`, whose layers are used and not copied; None makes an untrained one.
DETECTORS = {"faster_rcnn": faster_rcnn, "yolo": yolo, "ssd": ssd}
SKIPS = {"fcn32s": 0, "fcn16s": 1, "fcn8s": 2}


def fcn(
    skips: int,
    classifier: nn.Module | None = None,
    only_score: bool = False,
    classes: int = BACKGROUND_TOO,
    upsampling: str = "fixed",
) -> FCN:
    """FCN-32s, 16s or 8s.

    Args:
        skips: to finer maps: 0, 1 or 2.
        classifier: a trained `narrow_vgg`, or another network that `FCN` takes; None makes an untrained one.
        only_score: train the last layer alone, the paper's FCN-32s-fixed. (Batch normalisation, which the paper's
            network has not, goes on averaging what it sees.)
        classes: with the background.
        upsampling: of `FCN`.
    """
    model = channels_last(FCN(classifier or narrow_vgg(), classes, skips, upsampling=upsampling))
    return fix_all_but_score(model) if only_score else model
