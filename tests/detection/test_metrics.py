"""Average precision against slow loops, pycocotools and torchmetrics (D0)."""

import contextlib
import io
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision

from cnncourse.detection import metrics as M

quick = settings(max_examples=25, deadline=None, derandomize=True, database=None)
CLASSES = 3


@st.composite
def data_set(draw, ties=True):
    """Images with few or no objects; detections around them, elsewhere, doubled, with equal scores."""
    images = draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99_999)))

    def number(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    detections, targets = [], []
    for _ in range(images):
        objects, count = number(0, 5), number(0, 9)
        first = torch.randint(0, 20, (objects, 2), generator=generator).double()
        boxes = torch.cat((first, first + torch.randint(1, 20, (objects, 2), generator=generator)), 1)
        labels = torch.randint(1, CLASSES, (objects,), generator=generator)
        difficult = torch.rand(objects, generator=generator) < 0.3
        targets.append({"boxes": boxes, "labels": labels, "difficult": difficult})
        found, found_labels = [], []
        for _ in range(count):
            if objects and number(0, 4):
                g = number(0, objects)
                shift = torch.randint(-2, 3, (4,), generator=generator)
                found.append((boxes[g] + shift).tolist())
                found_labels.append(int(labels[g]))
            else:
                x, y = number(0, 30), number(0, 30)
                found.append([x, y, x + number(1, 15), y + number(1, 15)])
                found_labels.append(number(1, CLASSES))
        found = torch.tensor(found, dtype=torch.float64).reshape(-1, 4)
        found[:, 2:] = torch.maximum(found[:, 2:], found[:, :2] + 1)
        scores = torch.randint(0, 6 if ties else 10**6, (count,), generator=generator) / (
            6 if ties else 10**6
        )
        detections.append({"boxes": found, "labels": torch.tensor(found_labels, dtype=int), "scores": scores})
    return detections, targets


def slow_iou(a, b):
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def slow_voc(detections, targets, label, variant):
    """The devkit's procedure, one detection after the other."""
    ranking = []
    for i, d in enumerate(detections):
        ranking += [
            (s, i, b)
            for s, b, c in zip(*(d[k].tolist() for k in ("scores", "boxes", "labels")), strict=True)
            if c == label
        ]
    ranking.sort(key=lambda entry: -entry[0])
    truth = [
        [
            (b, bool(f))
            for b, c, f in zip(t["boxes"].tolist(), t["labels"], t["difficult"], strict=True)
            if c == label
        ]
        for t in targets
    ]
    total = sum(not f for t in truth for _, f in t)
    if total == 0:
        return math.nan
    taken, true, false, curve = set(), 0, 0, []
    for _, i, box in ranking:
        best, at = -1.0, None
        for g, (other, _) in enumerate(truth[i]):
            if slow_iou(box, other) > best:
                best, at = slow_iou(box, other), g
        if best >= 0.5 and truth[i][at][1]:
            continue
        if best >= 0.5 and (i, at) not in taken:
            taken.add((i, at))
            true += 1
        else:
            false += 1
        curve.append((true, true / (true + false)))
    if variant == "2007":
        points = [max((p for t, p in curve if 10 * t >= k * total), default=0) for k in range(11)]
        return sum(points) / 11
    return sum(max((p for t, p in curve if t >= k), default=0) for k in range(1, total + 1)) / total


@quick
@given(data_set(), st.sampled_from(["2007", "2010"]))
def test_d0_voc_average_precision_is_the_devkits(data, variant):
    result = M.evaluate_voc(*data, CLASSES, variant=variant)
    expected = [slow_voc(*data, label, variant) for label in range(1, CLASSES)]
    assert result["ap"][1:].tolist() == pytest.approx(expected, nan_ok=True)
    known = [e for e in expected if not math.isnan(e)]
    assert result["map"].item() == pytest.approx(sum(known) / len(known) if known else math.nan, nan_ok=True)


def coco_stats(detections, targets):
    annotations, results = [], []
    for i, (d, t) in enumerate(zip(detections, targets, strict=True)):
        for (x1, y1, x2, y2), c in zip(t["boxes"].tolist(), t["labels"].tolist(), strict=True):
            entry = {"id": len(annotations) + 1, "image_id": i, "category_id": c, "iscrowd": 0}
            annotations.append(entry | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
        for (x1, y1, x2, y2), c, s in zip(
            *(d[k].tolist() for k in ("boxes", "labels", "scores")), strict=True
        ):
            results.append({"image_id": i, "category_id": c, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": s})
    if not annotations or not results:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(len(targets))],
            "annotations": annotations,
            "categories": [{"id": c} for c in range(1, CLASSES)],
            "info": {},
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:3]


@quick
@given(data_set())
def test_d0_coco_map_is_pycocotools(data):
    detections, targets = data
    targets = [{k: t[k] for k in ("boxes", "labels")} for t in targets]
    expected = coco_stats(detections, targets)
    if expected is not None:
        result = M.evaluate_coco(detections, targets, CLASSES)
        assert [result[k].item() for k in ("map", "map_50", "map_75")] == pytest.approx(list(expected))


def test_d0_coco_counts_the_100_best_detections_of_a_class_in_an_image():
    place = torch.arange(120.0)[:, None] * 20
    boxes = torch.cat((place, place, place + 10, place + 10), 1)
    scores = torch.rand(120, generator=torch.Generator().manual_seed(0))
    labels = torch.ones(120, dtype=int)
    data = [{"boxes": boxes, "scores": scores, "labels": labels}], [{"boxes": boxes, "labels": labels}]
    result = M.evaluate_coco(*data, CLASSES)["map"].item()
    assert result == pytest.approx(coco_stats(*data)[0]) and result < 1


@settings(quick, max_examples=5)
@given(data_set(ties=False))
def test_d0_coco_map_is_torchmetrics(data):
    detections, targets = data
    targets = [{k: t[k] for k in ("boxes", "labels")} for t in targets]
    metric = MeanAveragePrecision()
    metric.update([{k: v.float() if k != "labels" else v for k, v in d.items()} for d in detections], targets)
    expected = metric.compute()
    if expected["map"] >= 0:  # -1: no objects
        result = M.evaluate_coco(detections, targets, CLASSES)
        assert result["map"].item() == pytest.approx(expected["map"].item(), abs=1e-5)


def one_image(boxes, scores, objects, difficult=None):
    detection = {"boxes": torch.tensor(boxes).reshape(-1, 4).float(), "scores": torch.tensor(scores)}
    target = {"boxes": torch.tensor(objects).reshape(-1, 4).float()}
    for d in (detection, target):
        d["labels"] = torch.ones(len(d["boxes"]), dtype=int)
    if difficult is not None:
        target["difficult"] = torch.tensor(difficult)
    return [detection], [target]


def test_a_second_detection_of_a_taken_object_is_false():
    iou = torch.tensor([[0.9, 0.0], [0.8, 0.0], [0.6, 0.7]])
    assert M.judge_voc(iou, torch.tensor([False, False])) == [M.TRUE, M.FALSE, M.TRUE]


def test_voc_looks_at_the_best_object_only_and_coco_at_the_best_free_one():
    iou = torch.tensor([[0.9, 0.6], [0.8, 0.7]])
    none = torch.tensor([False, False])
    assert M.judge_voc(iou, none) == [M.TRUE, M.FALSE]
    assert M.judge_coco(iou, none) == [M.TRUE, M.TRUE]


def test_detections_of_difficult_objects_count_nowhere():
    data = one_image(
        [[0, 0, 9, 9], [0, 0, 9, 9], [20, 20, 30, 30]],
        [0.9, 0.8, 0.7],
        [[0, 0, 9, 9], [20, 20, 30, 30]],
        [True, False],
    )
    assert M.evaluate_voc(*data, 2)["map"] == 1
    with pytest.raises(ValueError, match="difficult"):
        M.evaluate_coco(*data, 2)


def test_eleven_points_and_area_differ_as_they_should():
    data = one_image(
        [[0, 0, 9, 9], [50, 50, 60, 60], [20, 20, 30, 30]], [0.9, 0.8, 0.7], [[0, 0, 9, 9], [20, 20, 30, 30]]
    )
    assert M.evaluate_voc(*data, 2, variant="2007")["map"].item() == pytest.approx((6 + 5 * 2 / 3) / 11)
    assert M.evaluate_voc(*data, 2, variant="2010")["map"].item() == pytest.approx((1 + 2 / 3) / 2)


def test_a_recall_of_three_in_ten_reaches_the_point_0_3():
    # numpy.arange(0, 1.1, 0.1)[3] is 0.30000000000000004, which 3 / 10 would miss
    precision, recall = torch.ones(3, dtype=torch.float64), torch.tensor([1, 2, 3], dtype=torch.float64) / 10
    assert M.average_precision_11_points(precision, recall).item() == pytest.approx(4 / 11)


def test_images_and_classes_without_anything():
    nothing = one_image([], [], [])
    assert math.isnan(M.evaluate_voc(*nothing, 2)["map"]) and math.isnan(M.evaluate_coco(*nothing, 2)["map"])
    missed = one_image([], [], [[0, 0, 9, 9]])
    assert M.evaluate_voc(*missed, 2)["map"] == 0 and M.evaluate_voc(*missed, 2, variant="2007")["map"] == 0
    assert M.evaluate_coco(*missed, 2)["map"] == 0


def test_wrong_inputs_name_the_image():
    good = one_image([[0, 0, 1, 1]], [0.5], [[0, 0, 1, 1]])
    for key, value, text in (
        ("labels", torch.tensor([2]), r"image 1: labels must lie in 1\.\.1"),
        ("scores", torch.tensor([math.nan]), "image 1: a detection's score is NaN"),
        ("scores", torch.tensor([0.1, 0.2]), "image 1: boxes, labels and scores"),
    ):
        bad = one_image([[0, 0, 1, 1]], [0.5], [[0, 0, 1, 1]])
        bad[0][0][key] = value
        with pytest.raises(ValueError, match=text):
            M.evaluate_voc(good[0] + bad[0], good[1] + bad[1], 2)
    with pytest.raises(ValueError, match="1 images, targets of 2"):
        M.evaluate_voc(good[0], good[1] * 2, 2)
    for year in ("2009", 2007):
        with pytest.raises(ValueError, match=rf"variant must be one of '2007', '2010', not {year!r}"):
            M.evaluate_voc(*good, 2, variant=year)
