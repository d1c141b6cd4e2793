"""YOLO: published sizes, the loss by hand and against a slow loop over equation 3 (D14)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from cnncourse.detection.yolo import (
    YOLO,
    darknet,
    decode_grid,
    encode_grid,
    responsible,
    split_predictions,
    yolo_detections,
    yolo_loss,
)

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def target(boxes, labels):
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }


def tiny(**options):
    torch.manual_seed(0)
    trunk = darknet(((4, 3, 2), "pool", (6, 3, 1), "pool"))
    return YOLO(4, trunk, grid=3, hidden=10, input_size=24, **options)


def test_d14_paper_size_has_1470_outputs_and_the_published_parameters():
    with torch.device("meta"):
        model = YOLO(21)
        out = model.predict(torch.zeros(2, 3, 448, 448))
    assert out.shape == (2, 7, 7, 30) and out[0].numel() == 1470
    count = [
        sum(p.numel() for p in part.parameters())
        for part in (model, model.trunk, model.head[1], model.head[4])
    ]
    assert count == [271_703_550, 60_155_968, 205_524_992, 6_022_590]
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 24
    assert model.trunk(torch.zeros(1, 3, 448, 448, device="meta")).shape == (1, 1024, 7, 7)


@quick
@given(st.integers(1, 7), st.integers(0, 999))
def test_d14_encoding_and_decoding_are_inverse(grid, seed):
    generator = torch.Generator().manual_seed(seed)
    size = (40, 60)
    first = torch.rand(5, 2, generator=generator, dtype=torch.float64) * 30
    boxes = torch.cat((first, first + 1 + 20 * torch.rand(5, 2, generator=generator, dtype=torch.float64)), 1)
    rows, columns, code = encode_grid(boxes, grid, size)
    for k in range(5):
        x, y = (boxes[k, :2] + boxes[k, 2:]).tolist()
        assert (rows[k], columns[k]) == (int(y / 2 / size[0] * grid), int(x / 2 / size[1] * grid))
        field = torch.zeros(grid, grid, 1, 4, dtype=torch.float64)
        field[rows[k], columns[k], 0] = code[k]
        assert_close(decode_grid(field, size)[rows[k], columns[k], 0], boxes[k])


def test_d14_a_centre_on_the_last_border_belongs_to_the_last_cell():
    rows, columns, code = encode_grid(torch.tensor([[60.0, 40, 60, 40]]), 4, (40, 60))
    assert (rows.item(), columns.item()) == (3, 3)
    assert code.tolist() == [[1, 1, 0, 0]]


def slow_loss(prediction, boxes, labels, size, count):
    """Equation 3, cell by cell and box by box, in plain numbers."""
    grid, (height, width) = len(prediction), size
    owner = {}
    for k, (x1, y1, x2, y2) in enumerate(boxes):
        cell = (
            min(int((y1 + y2) / 2 / height * grid), grid - 1),
            min(int((x1 + x2) / 2 / width * grid), grid - 1),
        )
        owner.setdefault(cell, k)
    center = shape = has = none = classes = 0.0
    for i in range(grid):
        for j in range(grid):
            numbers = prediction[i][j]
            found = []
            for b in range(count):
                x, y, w, h, _ = numbers[5 * b : 5 * b + 5]
                cx, cy, bw, bh = (
                    (x + j) / grid * width,
                    (y + i) / grid * height,
                    w * w * width,
                    h * h * height,
                )
                found.append((cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2))
            best, overlap = None, 0.0
            if (i, j) in owner:
                box = boxes[owner[i, j]]
                ious = []
                for p in found:
                    iw = max(0, min(p[2], box[2]) - max(p[0], box[0]))
                    ih = max(0, min(p[3], box[3]) - max(p[1], box[1]))
                    union = (p[2] - p[0]) * (p[3] - p[1]) + (box[2] - box[0]) * (box[3] - box[1]) - iw * ih
                    ious.append(iw * ih / union)
                far = [-sum((a - b) ** 2 for a, b in zip(p, box, strict=True)) for p in found]
                best = ious.index(max(ious)) if max(ious) > 0 else far.index(max(far))
                overlap = ious[best]
                x, y, w, h, _ = numbers[5 * best : 5 * best + 5]
                center += (x - ((box[0] + box[2]) / 2 / width * grid - j)) ** 2
                center += (y - ((box[1] + box[3]) / 2 / height * grid - i)) ** 2
                shape += (w - math.sqrt((box[2] - box[0]) / width)) ** 2
                shape += (h - math.sqrt((box[3] - box[1]) / height)) ** 2
                for c, value in enumerate(numbers[5 * count :]):
                    classes += (value - (c == labels[owner[i, j]] - 1)) ** 2
            for b in range(count):
                confidence = numbers[5 * b + 4]
                if b == best:
                    has += (confidence - overlap) ** 2
                else:
                    none += confidence**2
    return [5 * center, 5 * shape, has, 0.5 * none, classes]


@quick
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.integers(0, 999))
def test_d14_the_loss_is_equation_3(grid, count, objects, seed):
    generator = torch.Generator().manual_seed(seed)
    size = (40, 60)
    predictions = torch.rand(2, grid, grid, 5 * count + 3, generator=generator, dtype=torch.float64)
    targets, expected = [], [0.0] * 5
    for prediction in predictions:
        first = torch.randint(0, 30, (objects, 2), generator=generator).double()
        boxes = torch.cat((first, first + torch.randint(1, 15, (objects, 2), generator=generator)), 1)
        labels = torch.randint(1, 4, (objects,), generator=generator)
        targets.append({"boxes": boxes, "labels": labels})
        parts = slow_loss(prediction.tolist(), boxes.tolist(), labels.tolist(), size, count)
        expected = [a + b / 2 for a, b in zip(expected, parts, strict=True)]
    losses = yolo_loss(predictions, targets, size, count)
    assert list(losses) == ["loss_center", "loss_size", "loss_object", "loss_no_object", "loss_class"]
    assert [loss.item() for loss in losses.values()] == pytest.approx(expected)


def test_d14_responsibility_goes_by_iou_in_the_image_not_in_the_cell():
    # x, y count in cells (a third of the image), width and height in images: compared raw, the other one would win
    field = torch.zeros(3, 3, 2, 4, dtype=torch.float64)
    field[1, 1, 0] = torch.tensor([0.5, 0.5, math.sqrt(1 / 3), math.sqrt(1 / 3)])
    field[1, 1, 1] = torch.tensor([0.1, 0.5, math.sqrt(0.4), math.sqrt(0.4)])
    found = decode_grid(field, (90, 90))[1, 1]
    assert_close(found[0], torch.tensor([30.0, 30, 60, 60], dtype=torch.float64))
    assert responsible(found, torch.tensor([30.0, 30, 60, 60], dtype=torch.float64)) == 0
    assert responsible(found, torch.tensor([15.0, 27, 51, 63], dtype=torch.float64)) == 1


def test_d14_what_is_trained_pushed_down_and_left_alone():
    generator = torch.Generator().manual_seed(1)
    predictions = torch.rand(1, 3, 3, 13, generator=generator, dtype=torch.float64, requires_grad=True)
    box = [31.0, 2, 50, 28]  # centre in cell (0, 1)
    losses = yolo_loss(predictions, [target([box], [2])], (90, 90))
    sum(losses.values()).backward()
    coordinates, confidence, classes = split_predictions(predictions.grad[0], 2)
    chosen = responsible(
        decode_grid(split_predictions(predictions.detach(), 2)[0][0], (90, 90))[0, 1],
        torch.tensor(box, dtype=torch.float64),
    )
    trained = torch.zeros(3, 3, 2, dtype=torch.bool)
    trained[0, 1, chosen] = True
    assert (coordinates[trained] != 0).all() and (coordinates[~trained] == 0).all()
    in_cell = torch.zeros(3, 3, dtype=torch.bool)
    in_cell[0, 1] = True
    assert (classes[in_cell] != 0).all() and (classes[~in_cell] == 0).all()
    values = split_predictions(predictions.detach()[0], 2)[1]
    assert_close(confidence[~trained], values[~trained])  # 2 * 0.5 * confidence: pushed towards 0


def test_d14_images_without_objects_and_zero_roots_give_finite_gradients():
    for zero in (torch.zeros, torch.rand):
        predictions = zero(2, 3, 3, 13, dtype=torch.float64).requires_grad_()
        losses = yolo_loss(predictions, [target([], []), target([[0, 0, 5, 5]], [1])], (30, 30))
        sum(losses.values()).backward()
        assert predictions.grad.isfinite().all()
    nothing = yolo_loss(torch.ones(1, 2, 2, 13), [target([], [])], (30, 30))
    assert [float(v) for v in nothing.values()] == [0, 0, 0, 0.5 * 8, 0]


def test_d14_of_two_objects_in_a_cell_the_first_counts():
    predictions = torch.rand(1, 1, 1, 13, dtype=torch.float64)
    both = target([[0, 0, 10, 10], [2, 2, 30, 30]], [1, 2])
    first = target([[0, 0, 10, 10]], [1])
    assert yolo_loss(predictions, [both], (30, 30)) == yolo_loss(predictions, [first], (30, 30))


def test_d14_scores_are_class_given_object_times_confidence():
    predictions = torch.zeros(1, 2, 2, 13)
    predictions[0, 1, 0, :5] = torch.tensor([0.5, 0.5, math.sqrt(0.5), math.sqrt(0.25), 0.8])
    predictions[0, 1, 0, 10:] = torch.tensor([0.1, 0.9, 0.01])
    found = yolo_detections(predictions, (40, 80))[0]
    assert found["labels"].tolist() == [2, 1]
    assert_close(found["scores"], torch.tensor([0.72, 0.08]))
    assert_close(found["boxes"], torch.tensor([[0.0, 25, 40, 35]] * 2))


def test_d14_the_model_keeps_the_contract_and_learns():
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, 20, 30, generator=generator), torch.rand(3, 24, 24, generator=generator)]
    targets = [
        {k: v.float() if k == "boxes" else v for k, v in t.items()}
        for t in (target([[2, 3, 20, 15]], [3]), target([], []))
    ]
    model = tiny(dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(80):
        loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    found = model.eval()(images)
    assert found[0]["labels"].tolist()[:1] == [3]
    assert (found[0]["boxes"][0] - targets[0]["boxes"][0]).abs().max() < 3  # pixels of the image as it came
    with pytest.raises(ValueError, match="label 4"):
        model.train()(images, [targets[0] | {"labels": torch.tensor([4])}, targets[1]])
    with pytest.raises(ValueError, match="image 1"):
        model.eval()([images[0], images[1] * math.nan])


def test_convolutions_at_the_end_say_of_a_moved_image_the_same_one_cell_on():
    """What fully connected layers need not do; trunk without padding, so that cells see whole windows of the image."""
    torch.manual_seed(0)
    trunk = nn.Conv2d(3, 6, 4, stride=4)
    model = YOLO(4, trunk, grid=6, hidden=8, input_size=24, fully_connected=False).double().eval()
    images = torch.rand(2, 3, 24, 24, dtype=torch.float64)
    before, after = model.predict(images), model.predict(images.roll(4, -1))
    assert before.shape == (2, 6, 6, 13)
    assert_close(after[:, :, 2:5], before[:, :, 1:4])


def test_convolutions_at_the_end_need_as_many_cells_as_the_grid_has():
    with pytest.raises(ValueError, match=r"the trunk's map has 6 x 6 cells, the grid 3 x 3"):
        YOLO(4, nn.Conv2d(3, 6, 4, stride=4), grid=3, input_size=24, fully_connected=False)


def test_a_layer_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"layer must be one of 'pool', not 'maxpool'"):
        darknet(((4, 3, 2), "maxpool"))
