"""The experiment on HOG templates: its windows, what it counts, and what it says of detectors that know or guess."""

import numpy as np
import pytest
import torch

from cnncourse.classical.template import detect, features_within_margin
from cnncourse.data import scenes
from cnncourse.detection.boxes import box_iou
from cnncourse.experiments.classical import _templates, hog_detector
from cnncourse.training import networks, zoo

PERSON = networks.CLASSES.index("person") + 1
TINY = {"scenes": 30, "mined": 2, "test": 6, "rounds": 1}


@pytest.fixture(scope="module")
def windows():
    return _templates.face_windows()


@pytest.fixture
def few_photographs(monkeypatch):
    monkeypatch.setattr(_templates, "WITHOUT_FACES", ("coins", "grass"))


# ------------------------------------------------------------------------------------------------------ windows
def test_face_windows_are_the_pictures_without_their_rim(windows):
    """Against scikit-image's resizing of the same pixels."""
    from skimage import data, transform

    for number in (0, 57, 199):
        inner = data.lfw_subset()[number, 1:24, 1:24]
        expected = transform.resize(inner, (24, 24), order=1, mode="edge", anti_aliasing=False)
        got = windows[number // 100][number % 100, 0, 1:-1, 1:-1]
        assert np.abs(got.numpy() - expected).max() < 0.02


def test_a_grown_box_holds_the_box_about_its_centre_and_has_the_shape():
    generator = torch.Generator().manual_seed(0)
    corner, extent = (torch.rand(50, 2, generator=generator) * 50 + 1 for _ in range(2))
    boxes = torch.cat((corner, corner + extent), 1)
    grown = _templates.grown(boxes, 0.75)
    width, height = (grown[:, 2:] - grown[:, :2]).unbind(1)
    assert torch.allclose(width, 0.75 * height)
    assert torch.allclose(grown[:, :2] + grown[:, 2:], boxes[:, :2] + boxes[:, 2:], atol=1e-4)
    assert (grown[:, :2] <= boxes[:, :2] + 1e-4).all() and (grown[:, 2:] >= boxes[:, 2:] - 1e-4).all()
    larger = torch.stack((width, height), 1) / extent
    assert torch.allclose(larger.min(1).values, torch.ones(50), atol=1e-4)  # no larger than need be


@pytest.mark.parametrize("size, aspect", [((96, 96), 0.75), ((40, 200), 2.0), ((200, 40), 0.5)])
def test_random_windows_lie_in_the_image(size, aspect):
    boxes = _templates.random_windows(size, aspect, 500, torch.Generator().manual_seed(0))
    extent = boxes[:, 2:] - boxes[:, :2]
    assert torch.allclose(extent[:, 0], aspect * extent[:, 1], rtol=1e-4)
    assert (
        boxes.min() >= 0 and (boxes[:, 2] <= size[1] + 1e-3).all() and (boxes[:, 3] <= size[0] + 1e-3).all()
    )
    assert boxes[:, 0].max() > 0.5 * (size[1] - extent[:, 0].min())  # everywhere, not in a corner


def test_negatives_of_persons_come_from_images_without_a_person():
    """Every image has one colour: a window tells by its colour which image it is from."""
    images = [torch.full((3, 96, 96), value) for value in (0.1, 0.2, 0.3, 0.4)]
    box = torch.tensor([[30.0, 20, 60, 60]])
    labels = [[PERSON], [1], [PERSON], [2]]
    difficult = [[False], [False], [True], [False]]
    samples = [
        (image, {"boxes": box, "labels": torch.tensor(a), "difficult": torch.tensor(b)})
        for image, a, b in zip(images, labels, difficult, strict=True)
    ]
    generator = torch.Generator().manual_seed(0)
    positives, negatives, empty = _templates.person_windows(samples, PERSON, (32, 24), 1, generator)
    assert positives.shape == (2, 3, 34, 26) and torch.allclose(positives, torch.tensor(0.1))
    assert sorted({round(value, 3) for value in negatives.flatten(1).mean(1).tolist()}) == [0.2, 0.4]
    assert len(negatives) == 8
    assert len(empty) == 1 and torch.equal(empty[0], images[1])


def test_hard_negatives_leave_fewer_false_detections_where_they_were_found(windows):
    empty = [_templates.photograph("coins")]
    before, after = _templates.learn(*windows, empty, rounds=1, C=0.1, most=200)
    counts = [len(detect(template, empty[0])[0]) for template in (before, after)]
    assert counts[1] < 0.2 * counts[0]


# ------------------------------------------------------------------------------------------------------ figures
def test_faces_are_told_from_others_and_noise_is_not(windows, monkeypatch):
    assert hog_detector.faces({"C": 0.1, "seed": 0})["ap"] > 95
    noise = torch.rand(2, 100, 1, 26, 26, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(_templates, "face_windows", lambda: tuple(noise))
    found = hog_detector.faces({"C": 0.1, "seed": 0})
    assert 30 < found["ap"] < 70


def test_precision_and_recall_agree_with_scikit_learn(windows):
    """The same halves, learnt and judged by scikit-learn alone."""
    from sklearn.metrics import precision_score, recall_score
    from sklearn.svm import LinearSVC

    generator = torch.Generator().manual_seed(3)
    halves = [w[torch.randperm(len(w), generator=generator)].chunk(2) for w in windows]
    learnt, held = (torch.cat([half[part] for half in halves]) for part in (0, 1))
    described = [features_within_margin(part, 4).flatten(1).numpy() for part in (learnt, held)]
    machine = LinearSVC(C=0.1, random_state=0, max_iter=10_000).fit(described[0], [1] * 50 + [0] * 50)
    called = machine.predict(described[1])
    found = hog_detector.faces({"C": 0.1, "seed": 3})
    assert found["precision"] == pytest.approx(100 * precision_score([1] * 50 + [0] * 50, called), abs=0.01)
    assert found["recall"] == pytest.approx(100 * recall_score([1] * 50 + [0] * 50, called), abs=0.01)


def test_the_face_marked_by_eye_is_where_a_cascade_of_scikit_image_finds_one():
    from skimage import data, feature

    cascade = feature.Cascade(data.lbp_frontal_face_cascade_filename())
    sizes = {"min_size": (60, 60), "max_size": (150, 150)}
    (one,) = cascade.detect_multi_scale(img=data.astronaut(), scale_factor=1.1, step_ratio=1, **sizes)
    box = torch.tensor([[one["c"], one["r"], one["c"] + one["width"], one["r"] + one["height"]]])
    assert box_iou(box.float(), torch.tensor([hog_detector.FACE]).float()) > 0.8


def test_the_rank_of_the_face_is_that_of_the_first_box_on_it(few_photographs, monkeypatch):
    face = torch.tensor([hog_detector.FACE]).float()
    elsewhere = torch.tensor([[0.0, 0, 50, 50]])
    answers = iter([torch.cat((elsewhere, face + 2, face)), elsewhere, face[:0]])
    monkeypatch.setattr(_templates, "learn", lambda *_, **__: [None] * 3)

    def answer(*_, **__):
        boxes = next(answers)
        return boxes, torch.arange(len(boxes), 0, -1).float()

    monkeypatch.setattr(hog_detector, "detect", answer)
    found = hog_detector.photograph({"C": 0.1, "rounds": 2})
    assert found["detections"] == [3, 1, 0] and found["rank"] == [2, None, None]
    assert found["shown"][1] == [[0, 0, 50, 50, 1]]


def test_persons_found_where_they_are_give_100_percent(monkeypatch):
    few = scenes.compose_many("test", 12, networks.SCENES)
    at = {one.image.tobytes(): one.annotation for one in few}

    def knows(template, image, **_):
        annotation = at[(image * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes()]
        boxes = torch.from_numpy(annotation.boxes[annotation.labels == PERSON - 1])
        return boxes, torch.ones(len(boxes))

    monkeypatch.setattr(_templates, "learn", lambda *_, **__: [None, None])
    monkeypatch.setattr(hog_detector, "detect", knows)
    found = hog_detector.persons({**TINY, "seed": 0, "test": 12})
    assert found["ap"] == [100, 100] and found["kinds"]["correct"] == 100


# ------------------------------------------------------------------------------------------------------ all of it
def test_every_part_runs_and_is_drawn(few_photographs, monkeypatch):
    monkeypatch.setattr(zoo, "load", lambda name: networks.DETECTORS[name]().eval())
    rows = []
    for setting in hog_detector.settings("cpu"):
        if setting.get("seed", 0) == 0:
            one = setting | {key: value for key, value in TINY.items() if key in setting}
            rows.append({**one, **hog_detector.run(one)})
    result = {"summary": hog_detector.summary(rows), "runs": rows, "data": "embedded"}
    assert set(result["summary"]["persons"]) >= {"HOG", "Faster R-CNN", "YOLO", "SSD"}
    assert len(hog_detector.draw(result).axes) == 4
    pictures = hog_detector.pictures(result)
    assert set(pictures) == {"photograph", "scenes"}
    left, right = pictures["photograph"].axes
    counts = next(row for row in rows if row["part"] == "photograph" and row["C"] == 0.1)["detections"]
    for ax, count in ((left, counts[0]), (right, counts[-1])):
        assert len(ax.patches) == 2 * min(count, hog_detector.SHOWN) + 2


def test_a_folder_in_vocs_layout_is_measured_with_the_papers_windows(tmp_path):
    for split in ("trainval", "test"):
        for index, scene in enumerate(
            scenes.compose_many("train", 8, scenes.Settings(192, ("person", "dog")))
        ):
            hog_detector.voc.write_image(
                tmp_path, f"{split}{index}", scene.image, scene.annotation, scene.mask, ("person", "dog")
            )
        hog_detector.voc.write_split(tmp_path, split, [f"{split}{index}" for index in range(8)])
    found = hog_detector.persons({**TINY, "seed": 0, "scenes": 8, "test": 4}, str(tmp_path))
    assert len(found["ap"]) == 2
