"""YOLO: one network, one pass, a grid of boxes.

Redmon, Divvala, Girshick and Farhadi, "You Only Look Once: Unified, Real-Time Object Detection" (2016). Where
the paper is silent the published Darknet code decides.
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cnncourse.checks import one_of
from cnncourse.detection import _nms_fast
from cnncourse.detection.boxes import box_iou, center_to_corners, clip_boxes, corners_to_center, large_enough
from cnncourse.detection.inputs import Targets, check_images, check_targets, prepare, scale_boxes

# Figure 3: (channels, kernel, stride); "pool" is 2 x 2 max pooling with stride 2.
LAYERS = (
    *((64, 7, 2), "pool", (192, 3, 1), "pool"),
    *((128, 1, 1), (256, 3, 1), (256, 1, 1), (512, 3, 1), "pool"),
    *(((256, 1, 1), (512, 3, 1)) * 4),
    *((512, 1, 1), (1024, 3, 1), "pool"),
    *(((512, 1, 1), (1024, 3, 1)) * 2),
    *((1024, 3, 1), (1024, 3, 2), (1024, 3, 1), (1024, 3, 1)),
)

COORD_WEIGHT, NO_OBJECT_WEIGHT = 5.0, 0.5  # section 2.2: most cells hold nothing, and would drown the boxes


def darknet(layers: Sequence = LAYERS, width: float = 1.0) -> nn.Sequential:
    """Padded convolutions with leaky rectifiers of slope 0.1 (equation 2).

    Args:
        layers: as `LAYERS`.
        width: multiplies every number of channels.

    Returns:
        A network from ``[B, 3, H, W]`` to ``[B, C, H / stride, W / stride]``, stride the product of all strides.

    Raises:
        ValueError: a layer is a string other than "pool".
    """
    modules, channels = [], 3
    for layer in layers:
        if isinstance(layer, str):
            one_of("layer", layer, ("pool",))
            modules.append(nn.MaxPool2d(2, 2))
            continue
        out, kernel, stride = max(1, round(layer[0] * width)), layer[1], layer[2]
        modules += [nn.Conv2d(channels, out, kernel, stride, kernel // 2), nn.LeakyReLU(0.1, inplace=True)]
        channels = out
    return nn.Sequential(*modules)


# ---------------------------------------------------------------------------- what the numbers of a cell mean
def split_predictions(predictions: Tensor, boxes_per_cell: int) -> tuple[Tensor, Tensor, Tensor]:
    """The numbers of every cell, apart: for each box x, y, sqrt(w), sqrt(h) and confidence, then the classes.

    Args:
        predictions: ``[..., 5 * boxes_per_cell + C]``.
        boxes_per_cell: P, predictors a cell (the paper's B).

    Returns:
        Boxes ``[..., P, 4]``, confidences ``[..., P]``, classes ``[..., C]``.
    """
    of_boxes = predictions[..., : 5 * boxes_per_cell].unflatten(-1, (boxes_per_cell, 5))
    return of_boxes[..., :4], of_boxes[..., 4], predictions[..., 5 * boxes_per_cell :]


def decode_grid(coordinates: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes in pixels of what a grid of cells predicts.

    Section 2: x and y are fractions of the cell, counted from its upper left corner; width and height are predicted as
    the square roots of fractions of the image.

    Args:
        coordinates: ``[..., S, S, P, 4]`` for cells row by row, P predictors in each.
        size: ``(height, width)`` of the image.

    Returns:
        ``[..., S, S, P, 4]`` corners in pixels, not clipped.
    """
    grid = coordinates.shape[-3]
    step = torch.arange(grid, dtype=coordinates.dtype, device=coordinates.device)
    x = (coordinates[..., 0] + step[None, :, None]) / grid * size[1]
    y = (coordinates[..., 1] + step[:, None, None]) / grid * size[0]
    width, height = coordinates[..., 2] ** 2 * size[1], coordinates[..., 3] ** 2 * size[0]
    return center_to_corners(torch.stack((x, y, width, height), -1))


def encode_grid(boxes: Tensor, grid: int, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
    """Which cell an object belongs to, and what that cell should say about its box.

    Args:
        boxes: float ``[N, 4]`` in pixels.
        grid: S, cells along a side.
        size: ``(height, width)`` of the image.

    Returns:
        Rows and columns of the cells that hold the centres, int64 ``[N]`` each, and ``[N, 4]``: x, y in the cell,
        square roots of width and height as fractions of the image.
    """
    center = corners_to_center(boxes) / boxes.new_tensor([size[1], size[0], size[1], size[0]])
    at = center[:, :2] * grid
    cell = at.floor().clamp(0, grid - 1)  # a centre on the right or lower border belongs to the last cell
    columns, rows = cell.long().T
    return rows, columns, torch.cat((at - cell, center[:, 2:].sqrt()), 1)


def responsible(predicted: Tensor, box: Tensor) -> Tensor:
    """Which of a cell's predictors is trained for an object: the one whose box overlaps it most (section 2.2).

    Args:
        predicted: ``[P, 4]`` corners in pixels: in units of the image, not of the cell.
        box: ``[4]`` in pixels.

    Returns:
        int64 scalar. When none overlaps, the one whose corners are nearest (as in Darknet).
    """
    iou = box_iou(predicted, box[None])[:, 0]
    distance = (predicted - box).square().sum(1)
    return torch.where(iou.max() > 0, iou.argmax(), distance.argmin())


# --------------------------------------------------------------------------------------------------- the loss
def yolo_loss(
    predictions: Tensor, targets: Targets, size: tuple[int, int], boxes_per_cell: int = 2
) -> dict[str, Tensor]:
    """The sum-squared error of section 2.2 (equation 3), divided by the number of images.

    For every object: the responsible predictor of its cell is trained towards the box, its confidence towards the IoU
    of predicted and true box (the IoU itself is not differentiated), the cell's classes towards one-hot. All other
    confidences, also that of a cell's other predictor, are pushed towards 0. Everything else is left alone: coordinates
    of the other predictors, classes of cells without an object. Of several objects in one cell the first counts. Square
    roots are what the network predicts, so no derivative of a root is ever taken.

    Args:
        predictions: ``[B, S, S, 5 * boxes_per_cell + C]``.
        targets: ``{"boxes": [N_i, 4], "labels": int64 [N_i]}`` for each image, boxes in pixels, labels 1..C.
        size: ``(height, width)`` of the images.
        boxes_per_cell: predictors a cell.

    Returns:
        ``loss_center``, ``loss_size``, ``loss_object``, ``loss_no_object``, ``loss_class``, scalars, weighted; their
        sum is the loss.
    """
    losses = dict.fromkeys(("loss_center", "loss_size", "loss_object", "loss_no_object", "loss_class"), 0.0)
    for prediction, target in zip(predictions, targets, strict=True):
        for name, loss in _image_loss(prediction, target, size, boxes_per_cell).items():
            losses[name] = losses[name] + loss / len(predictions)
    return losses


def _image_loss(
    prediction: Tensor, target: dict[str, Tensor], size: tuple[int, int], boxes_per_cell: int
) -> dict[str, Tensor]:
    coordinates, confidence, classes = split_predictions(prediction, boxes_per_cell)
    decoded = decode_grid(coordinates.detach(), size)
    wanted_confidence = torch.zeros_like(confidence)
    is_responsible = torch.zeros_like(confidence, dtype=torch.bool)
    rows, columns, wanted = encode_grid(target["boxes"].to(prediction.dtype), len(prediction), size)
    center = shape = of_class = prediction.new_zeros(())
    taken = set()
    for k, cell in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        if cell in taken:
            continue
        taken.add(cell)
        box = target["boxes"][k].to(prediction.dtype)
        j = responsible(decoded[cell], box)
        is_responsible[*cell, j] = True
        wanted_confidence[*cell, j] = box_iou(decoded[*cell, j][None], box[None])[0, 0]
        error = (coordinates[*cell, j] - wanted[k]).square()
        center, shape = center + error[:2].sum(), shape + error[2:].sum()
        one_hot = torch.zeros_like(classes[cell])
        one_hot[target["labels"][k] - 1] = 1
        of_class = of_class + (classes[cell] - one_hot).square().sum()
    of_confidence = (confidence - wanted_confidence).square()
    return {
        "loss_center": COORD_WEIGHT * center,
        "loss_size": COORD_WEIGHT * shape,
        "loss_object": torch.where(is_responsible, of_confidence, 0).sum(),
        "loss_no_object": NO_OBJECT_WEIGHT * torch.where(is_responsible, 0, of_confidence).sum(),
        "loss_class": of_class,
    }


# -------------------------------------------------------------------------------------------------- inference
def yolo_detections(
    predictions: Tensor,
    size: tuple[int, int],
    boxes_per_cell: int = 2,
    score_threshold: float = 0.05,
    nms_threshold: float = 0.5,
    limit: int = 100,
) -> list[dict[str, Tensor]]:
    """Boxes, labels and scores of every image.

    The score of a class is its probability given an object times the box's confidence (equation 1). NMS is not part of
    the network (section 2.3: it "adds 2-3% in mAP"). Boxes that are less than a hundredth of a pixel wide or high when
    clipped to the image are dropped.

    Args:
        predictions: ``[B, S, S, 5 * boxes_per_cell + C]``.
        size: ``(height, width)`` of the images.
        boxes_per_cell: predictors a cell.
        score_threshold: a score has to be above it.
        nms_threshold: IoU above which the better of two boxes of a class suppresses the other.
        limit: detections of an image at most.

    Returns:
        For each image ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}``, boxes in pixels, best first.
    """
    coordinates, confidence, classes = split_predictions(predictions, boxes_per_cell)
    decoded = clip_boxes(decode_grid(coordinates, size), size).flatten(1, 3)
    all_scores = (confidence[..., None] * classes[..., None, :]).flatten(1, 3)  # [B, S * S * P, C]
    detections = []
    for image_boxes, scores in zip(decoded, all_scores, strict=True):
        visible = large_enough(image_boxes, 1e-2)[:, None]
        which, label = ((scores > score_threshold) & visible).nonzero().T
        found, score = image_boxes[which], scores[which, label]
        kept = _nms_fast.nms(found, score, nms_threshold, label, limit)
        detections.append({"boxes": found[kept], "labels": label[kept] + 1, "scores": score[kept]})
    return detections


class YOLO(nn.Module):
    """YOLO v1: a trunk, two fully connected layers, a grid of predictions.

    In training ``model(images, targets)`` returns the losses of `yolo_loss`, else ``model(images)`` returns detections
    in pixels of the images as they came. Images are resized to the network's size (and normalised by ImageNet's mean
    and deviation, where Darknet leaves them in [0, 1]).

    Args:
        num_classes: with the background, as everywhere here: 21 for Pascal VOC, whose 20 classes YOLO predicts.
        trunk: from ``[B, 3, input_size, input_size]`` to a map of any size; `darknet` when None.
        grid: S, cells along a side.
        boxes_per_cell: the paper's B, predictors a cell. With 7 x 7 cells, 2 boxes and 20 classes there are
            7 * 7 * (2 * 5 + 20) = 1470 outputs.
        hidden: width of the first fully connected layer.
        input_size: side of the network's images in pixels, 448 in the paper.
        dropout: behind the first fully connected layer.
        score_threshold, nms_threshold: see `yolo_detections`.
        fully_connected: False puts convolutions in their place (3 x 3 with batch normalisation, then 1 x 1), on a trunk
            whose map has ``grid`` cells a side. What one cell learns then serves all of them, as in the second version
            (Redmon and Farhadi, 2017): not the paper's network, but one that learns from few images.

    Raises:
        ValueError: without fully connected layers, the trunk's map is not ``grid`` cells high and wide.
    """

    def __init__(
        self,
        num_classes: int = 21,
        trunk: nn.Module | None = None,
        grid: int = 7,
        boxes_per_cell: int = 2,
        hidden: int = 4096,
        input_size: int = 448,
        dropout: float = 0.5,
        score_threshold: float = 0.05,
        nms_threshold: float = 0.5,
        fully_connected: bool = True,
    ):
        super().__init__()
        self.num_classes, self.grid, self.input_size = num_classes, grid, input_size
        self.boxes_per_cell = boxes_per_cell
        self.score_threshold, self.nms_threshold = score_threshold, nms_threshold
        self.trunk = darknet() if trunk is None else trunk
        channels, height, width = _map_size(self.trunk, input_size)
        numbers = 5 * boxes_per_cell + num_classes - 1  # of a cell
        if fully_connected:
            self.head = _connected(channels * height * width, hidden, dropout, grid * grid * numbers)
        elif (height, width) != (grid, grid):
            raise ValueError(f"the trunk's map has {height} x {width} cells, the grid {grid} x {grid}")
        else:
            self.head = _convolutional(channels, hidden, dropout, numbers)

    def predict(self, batch: Tensor) -> Tensor:
        """What the cells say.

        Args:
            batch: normalised images ``[B, 3, input_size, input_size]``.

        Returns:
            ``[B, S, S, 5 * boxes_per_cell + C]``.
        """
        out = self.head(self.trunk(batch))
        if out.ndim == 4:
            return out.permute(0, 2, 3, 1)
        return out.view(len(batch), self.grid, self.grid, 5 * self.boxes_per_cell + self.num_classes - 1)

    def forward(self, images: Sequence[Tensor], targets: Targets | None = None):
        """Losses when training, detections when not; see the class.

        Args:
            images: float ``[3, H_i, W_i]``.
            targets: only when training: ``{"boxes": float [N_i, 4], "labels": int64 [N_i]}`` for each image, in its
                pixels.

        Returns:
            The losses of `yolo_loss`, or for each image ``{"boxes": [D, 4], "labels": int64 [D], "scores": [D]}``, best
            first.

        Raises:
            ValueError: what `check_images` and, when training, `check_targets` refuse.
        """
        check_images(images)
        if self.training:
            check_targets(images, targets, self.num_classes)
        size = (self.input_size, self.input_size)
        batch, targets = prepare(images, targets, [size] * len(images))
        predictions = self.predict(batch)
        if self.training:
            return yolo_loss(predictions, targets, size, self.boxes_per_cell)
        settings = self.boxes_per_cell, self.score_threshold, self.nms_threshold
        found = yolo_detections(predictions, size, *settings)
        for detection, image in zip(found, images, strict=True):
            detection["boxes"] = scale_boxes(detection["boxes"], size, image.shape[1:])
        return found


def _connected(inputs: int, hidden: int, dropout: float, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, outputs),
    )


def _convolutional(channels: int, hidden: int, dropout: float, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 3, padding=1, bias=False),
        nn.BatchNorm2d(hidden),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Dropout2d(dropout),
        nn.Conv2d(hidden, outputs, 1),
    )


def _map_size(trunk: nn.Module, input_size: int) -> tuple[int, int, int]:
    """The trunk's map, ``(channels, height, width)``; found on the meta device, which computes shapes only."""
    probe = copy.deepcopy(trunk).to("meta")
    return tuple(probe(torch.zeros(1, 3, input_size, input_size, device="meta")).shape[1:])
