"""A linear SVM's template over HOG features (G7): scores are the SVM's, boxes lie where the object is."""

import numpy as np
import pytest
import torch
from skimage import feature
from sklearn.svm import LinearSVC

from cnncourse.classical.template import (
    Template,
    cells_to_boxes,
    cut_windows,
    detect,
    extend,
    feature_map,
    features_within_margin,
    local_maxima,
    pyramid,
    response,
    train_template,
)
from cnncourse.detection.boxes import box_iou

CELL, SIDE = 4, 16


def disc(image, x, y, radius, value=1.0):
    """Paint a disc onto [C, H, W]."""
    rows = torch.arange(image.shape[1])[:, None] + 0.5
    columns = torch.arange(image.shape[2]) + 0.5
    image[:, (columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = value
    return image


def noise(*shape, seed=0):
    return 0.2 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def windows():
    with_margin = SIDE + 2
    offsets = torch.rand(30, 2, generator=torch.Generator().manual_seed(1)).tolist()
    positives = torch.stack(
        [
            disc(noise(1, with_margin, with_margin, seed=i), 8.5 + x, 8.5 + y, 6)
            for i, (x, y) in enumerate(offsets)
        ]
    )
    flat = noise(40, 1, with_margin, with_margin, seed=99)
    corners = torch.stack([disc(x.clone(), 2 + 14 * (i % 2), 3, 6) for i, x in enumerate(flat[:20])])
    return positives, torch.cat((flat, corners))


@pytest.fixture(scope="module")
def template(windows):
    return train_template(*windows, cell=CELL)


def test_features_within_the_margin_are_scikit_images_away_from_its_border():
    image = np.random.default_rng(0).random((40, 48))
    inner = torch.from_numpy(image)[None, 7:-7, 7:-7]  # a cell of 8 but for the margin of 1
    expected = feature.hog(image, 9, (8, 8), (2, 2), feature_vector=False)[1:-1, 1:-1]
    got = features_within_margin(inner).movedim(0, -1)
    np.testing.assert_allclose(got.numpy(), expected.reshape(*got.shape), atol=1e-6)


def test_g7_a_window_of_128_x_64_has_3780_features():
    assert features_within_margin(torch.rand(3, 130, 66)).numel() == 3780


def test_g7_the_response_is_the_svms_decision_at_every_window(windows, template):
    """scikit-learn's decision function on the features of every crop by itself, at the image's border too."""
    positives, negatives = windows
    features = features_within_margin(torch.cat(windows), CELL).flatten(1).numpy()
    svm = LinearSVC(C=0.01, random_state=0, max_iter=10_000)
    svm.fit(features, [1] * len(positives) + [0] * len(negatives))
    image = disc(noise(1, 38, 45, seed=5), 20, 18, 6)
    scores = response(template, feature_map(image, CELL))
    assert scores.shape == (38 // 4 - 3, 45 // 4 - 3)
    around = extend(image)
    for r in range(scores.shape[0]):
        for c in range(scores.shape[1]):
            crop = around[:, r * CELL : r * CELL + SIDE + 2, c * CELL : c * CELL + SIDE + 2]
            expected = svm.decision_function(features_within_margin(crop, CELL).flatten()[None].numpy())
            assert abs(scores[r, c].item() - expected[0]) < 1e-9


def test_cutting_copies_boxes_of_the_windows_size_and_repeats_the_border():
    image = torch.rand(3, 30, 40, dtype=torch.float64)
    boxes = torch.tensor([[8.0, 4, 24, 20], [0, 0, 16, 16], [24, 14, 40, 30]])
    cut = cut_windows(image, boxes, (16, 16))
    around = extend(image)
    for (x, y, _, _), window in zip(boxes.int().tolist(), cut, strict=True):
        assert torch.allclose(window, around[:, y : y + 18, x : x + 18])
    ramp = torch.arange(40.0).expand(1, 30, 40)
    halved = cut_windows(ramp, torch.tensor([[4.0, 2, 36, 30]]), (14, 16))
    assert torch.allclose(halved[0, 0, 0], 2 * torch.arange(-1.0, 17) + 4.5)


def test_local_maxima_are_above_their_eight_neighbours():
    scores = torch.tensor([[5.0, 1, 0, 3], [1, 4, 0, 0], [0, 0, 0, 2]])
    assert local_maxima(scores, 0).tolist() == [[0, 0], [0, 3], [2, 3]]
    assert local_maxima(scores, 3).tolist() == [[0, 0]]


def test_cells_become_boxes_exclusive_at_the_right_and_bottom():
    template = Template(torch.zeros(36, 15, 7), 0.0)
    assert template.size == (128, 64)
    cells = torch.tensor([[0, 0], [2, 3]])
    assert cells_to_boxes(cells, template).tolist() == [[0, 0, 64, 128], [24, 16, 88, 144]]
    assert cells_to_boxes(cells, template, (0.5, 0.25)).tolist() == [[0, 0, 256, 256], [96, 32, 352, 288]]


def test_a_pyramid_ends_at_the_templates_size():
    levels = list(pyramid(torch.rand(1, 64, 48), (16, 12), per_octave=2))
    assert [tuple(x.shape[1:]) for x in levels] == [(64, 48), (45, 34), (32, 24), (23, 17), (16, 12)]
    assert not list(pyramid(torch.rand(1, 64, 48), (65, 10)))
    assert next(pyramid(torch.rand(1, 10, 10), (16, 16), enlarge=2)).shape == (1, 20, 20)


@pytest.mark.parametrize(("x", "y", "radius", "enlarge"), [(30, 28, 6, 1), (60, 40, 13, 1), (20, 21, 4, 2)])
def test_g7_discs_are_found_at_their_place_and_size(template, x, y, radius, enlarge):
    image = disc(noise(1, 72, 90, seed=7), x, y, radius)
    boxes, scores = detect(template, image, enlarge=enlarge)
    half = radius * SIDE / 12  # training discs have radius 6 in windows of 16
    expected = torch.tensor([[x - half, y - half, x + half, y + half]], dtype=torch.float64)
    assert box_iou(boxes[:1], expected).item() > 0.5
    assert (scores.diff() <= 0).all() and (box_iou(boxes, boxes).fill_diagonal_(0) <= 0.3).all()


def test_two_objects_are_two_detections_and_none_is_none(template):
    image = disc(disc(noise(1, 40, 72, seed=3), 16, 20, 6), 52, 20, 6)
    boxes, _ = detect(template, image, threshold=0.3)
    assert len(boxes) == 2
    boxes, scores = detect(template, torch.zeros(1, 40, 40, dtype=torch.float64), threshold=0.3)
    assert boxes.shape == (0, 4) and scores.shape == (0,)


def test_training_and_detection_stay_on_the_inputs_device(windows, template, device):
    positives, negatives = (x.float().to(device) for x in windows)
    got = train_template(positives, negatives, cell=CELL)
    assert got.weight.device.type == device.type and got.weight.dtype == torch.float32
    assert torch.allclose(got.weight.cpu().double(), template.weight, atol=1e-3)
    image = disc(noise(1, 32, 32), 16, 16, 6).float()
    boxes, scores = detect(got, image.to(device), per_octave=2)
    expected_boxes, expected_scores = detect(template, image.double(), per_octave=2)
    assert torch.allclose(boxes.cpu().double(), expected_boxes, atol=1e-4)
    assert torch.allclose(scores.cpu().double(), expected_scores, atol=1e-2)
    boxes = torch.tensor([[1.0, 2, 11, 12]]).to(device)
    assert cut_windows(image.to(device), boxes, (16, 16)).device.type == device.type


def test_bad_inputs_are_told(windows, template):
    positives, negatives = windows
    with pytest.raises(ValueError, match="0 positive and 60 negative"):
        train_template(positives[:0], negatives)
    with pytest.raises(ValueError, match="one size"):
        train_template(positives, negatives[..., 1:])
    with pytest.raises(ValueError, match="not cells of 8 and a margin of 1"):
        train_template(positives[..., 1:, 1:], negatives[..., 1:, 1:])
    with pytest.raises(ValueError, match="NaN"):
        train_template(positives, negatives * float("nan"), cell=CELL)
    with pytest.raises(ValueError, match=r"\[15, 40\] is smaller than the template, 16 x 16"):
        detect(template, torch.rand(1, 15, 40))
    with pytest.raises(ValueError, match="smaller than the template"):
        response(template, torch.rand(36, 2, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="hold no block"):
        feature_map(torch.rand(1, 7, 20))
    with pytest.raises(ValueError, match="box is empty"):
        cut_windows(torch.rand(1, 20, 20), torch.tensor([[5.0, 5, 5, 9]]), (16, 16))
