"""R-CNN's three stages, each against its definition or scikit-learn (D5)."""

import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import Ridge
from torch.testing import assert_close

from cnncourse.classification.layers import Conv, ConvNet, Pool
from cnncourse.detection.boxes import box_iou, decode_boxes, encode_boxes
from cnncourse.detection.rcnn import (
    RCNN,
    fit_box_regressor,
    mine_hard_negatives,
    regression_pairs,
    svm_labels,
    train_svm,
    warp,
    with_context,
)


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def target(boxes, labels):
    return {
        "boxes": torch.tensor(boxes).reshape(-1, 4).float(),
        "labels": torch.tensor(labels, dtype=torch.int64),
    }


def test_d5_context_takes_16_pixels_of_the_warped_square_on_every_side():
    boxes = torch.tensor([[10.0, 20, 110, 60]])
    grown = with_context(boxes, 227, 16)
    width, height = 100 * 227 / 195, 40 * 227 / 195
    assert_close(grown[0, 2:] - grown[0, :2], torch.tensor([width, height]))
    assert_close((grown[0, 0] - 10) / width, torch.tensor(-16 / 227))


def test_d5_warping_is_resizing_the_crop():
    image = rand(3, 40, 50)
    crop = F.interpolate(image[None, :, 8:28, 10:40], size=(60, 60), mode="bilinear", align_corners=False)
    warped = warp(image, torch.tensor([[10, 8, 40, 28.0]], dtype=torch.float64), 60, context=0)
    inner = (..., slice(3, -3), slice(3, -3))  # at the border the crop knows nothing of its surroundings
    assert_close(warped[inner], crop[inner])
    outside = warp(image + 1, torch.tensor([[-40.0, -40, 10, 10]], dtype=torch.float64), 50, context=0)
    assert (outside[..., :38, :] == 0).all() and (outside[..., 42:, 42:] > 0.9).all()


def test_d5_warping_takes_the_papers_context():
    image = torch.zeros(3, 60, 60)
    image[:, 20:40, 10:40] = 1
    warped = warp(image, torch.tensor([[10.0, 20, 40, 40]]), 100, context=16)[0, 0]
    assert (warped[18:82, 18:82] > 0.99).all()
    assert (warped[:14] < 0.01).all() and (warped[:, :14] < 0.01).all() and (warped[86:] < 0.01).all()


def test_d5_svm_labels_are_those_of_the_paper():
    proposals = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 3], [0, 0, 10, 2.9], [20, 20, 30, 30]])
    objects = target([[0, 0, 10, 10], [20, 20, 30, 30]], [1, 2])
    assert svm_labels(proposals, objects, 1).tolist() == [False, False, True, True]
    assert svm_labels(proposals, objects, 2).tolist() == [True, True, True, False]
    assert svm_labels(proposals, objects, 3).all()


def blobs(count, center, seed):
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(seed)) + center


def test_d5_the_svm_minimises_its_objective():
    positives, negatives = blobs(20, 0.5, 0), blobs(60, -0.5, 1)
    weight, bias = train_svm(positives, negatives, c=0.1)

    def objective(w, b):
        hinge = 2 * (1 - positives @ w - b).clamp(min=0).sum() + (1 + negatives @ w + b).clamp(min=0).sum()
        return w.square().sum() / 2 + (b / 10) ** 2 / 2 + 0.1 * hinge

    best = objective(weight, bias)
    for seed in range(40):
        step = 0.03 * blobs(1, 0.0, seed)[0]
        assert objective(weight + step, bias) > best - 1e-3
        assert objective(weight, bias + step[0]) > best - 1e-3


def test_d5_hard_negatives_give_the_svm_of_all_negatives():
    positives, negatives = blobs(30, 1.0, 0), blobs(900, -1.0, 1)
    parts = list(negatives.split(100))
    weight, bias = mine_hard_negatives(positives, [negatives[:0], *parts], passes=5, retrain=20, c=0.1)
    everything, bias_of_all = train_svm(positives, negatives, c=0.1)
    scores, expected = negatives @ weight + bias, negatives @ everything + bias_of_all
    assert_close(scores, expected, atol=0.05, rtol=0.05)
    with pytest.raises(ValueError, match="0 positives"):
        mine_hard_negatives(positives[:0], parts)
    with pytest.raises(ValueError, match="both kinds"):
        mine_hard_negatives(positives, [negatives[:0]])


def test_d5_box_regression_is_ridge_regression_and_whitening_its_targets_changes_nothing():
    features = rand(60, 7) * 4
    first = rand(60, 2, seed=1) * 50
    proposals = torch.cat((first, first + 20 + 10 * rand(60, 2, seed=2)), 1)
    objects = proposals + 4 * rand(60, 4, seed=3)
    weight, offset = fit_box_regressor(features, proposals, objects, ridge=3.0)
    code = encode_boxes(objects, proposals)
    values, vectors = torch.linalg.eigh(torch.cov(code.T, correction=0))
    whiten = vectors @ torch.diag((values + 1e-3) ** -0.5) @ vectors.T
    with_one = torch.cat((features, torch.ones(60, 1)), 1)
    ridge = Ridge(alpha=3.0, fit_intercept=False).fit(
        with_one.numpy(), ((code - code.mean(0)) @ whiten).numpy()
    )
    expected = torch.from_numpy(ridge.predict(with_one.numpy())) @ torch.linalg.inv(whiten) + code.mean(0)
    assert_close(with_one @ weight + offset, expected)


def test_d5_box_regression_finds_a_linear_rule():
    features = rand(200, 4)
    first = rand(200, 2, seed=1) * 50
    proposals = torch.cat((first, first + 20 + 10 * rand(200, 2, seed=2)), 1)
    code = features @ (rand(4, 4, seed=3) - 0.5)
    weight, offset = fit_box_regressor(features, proposals, decode_boxes(code, proposals), ridge=1e-6)
    found = torch.cat((features, torch.ones(200, 1)), 1) @ weight + offset
    assert_close(found, code, atol=1e-4, rtol=1e-4)


def test_d5_pairs_overlap_by_more_than_0_6():
    proposals = torch.tensor([[0.0, 0, 10, 6], [0, 0, 10, 6.1], [20, 20, 30, 29]])
    objects = target([[0, 0, 10, 10], [20, 20, 30, 30]], [1, 1])
    near, wanted = regression_pairs(proposals, objects, 1)
    assert near.tolist() == [1, 2] and torch.equal(wanted, objects["boxes"])
    assert [len(p) for p in regression_pairs(proposals, objects, 2)] == [0, 0]


def scene(seed):
    """A red or a green rectangle on noise."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(3, 48, 56, generator=generator) * 0.3
    x, y = (int(torch.randint(2, 20, (), generator=generator)) for _ in range(2))
    label = 1 + seed % 2
    image[label - 1, y : y + 22, x : x + 24] = 1
    first = torch.rand(40, 2, generator=generator) * 25
    elsewhere = torch.cat((first, first + 8 + 14 * torch.rand(40, 2, generator=generator)), 1)
    box = torch.tensor([[x, y, x + 24.0, y + 22.0]])
    near = box + 8 * torch.rand(12, 4, generator=generator) - 4
    return image, torch.cat((elsewhere, near)), {"boxes": box, "labels": torch.tensor([label])}


def tiny():
    torch.manual_seed(0)
    table = (Conv(8, 5, stride=2), Pool(2, 2), Conv(12, 3, padding=1), Pool(2, 2))
    return ConvNet(table, classes=10, hidden=(24,), input_size=24, dropout=0.0)


def three_stages(model):
    images, proposals, targets = zip(*(scene(seed) for seed in range(6)), strict=True)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    for _ in range(40):
        loss = model.train()(images, proposals, targets)["loss_classifier"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    model.fit_svms(images, proposals, targets, retrain=50, c=0.1)
    unmoved = model(images, proposals)
    model.fit_box_regressors(images, proposals, targets, ridge=100.0)
    return images, targets, unmoved, model(images, proposals)


def check_three_stages(model):
    _, targets, unmoved, found = three_stages(model)
    overlaps = []
    for before, after, truth in zip(unmoved, found, targets, strict=True):
        assert after["labels"][0] == truth["labels"][0] == before["labels"][0]
        best = [box_iou(d["boxes"][:1], truth["boxes"])[0, 0] for d in (before, after)]
        assert best[1] > 0.5
        overlaps.append(torch.stack(best))
    before, after = torch.stack(overlaps).mean(0)
    assert after > before  # stage 3 improves boxes


def test_d5_the_three_stages_detect_what_they_were_shown():
    check_three_stages(RCNN(tiny(), 3, context=4, samples=24))


def test_d5_every_region_costs_a_pass_and_stages_have_their_order():
    model = RCNN(tiny(), 3, context=4, chunk=16).eval()
    seen = []
    model.trunk.register_forward_hook(lambda module, args, out: seen.append(len(args[0])))
    image, proposals, truth = scene(0)
    assert len(model([image], [proposals])[0]["boxes"]) == 0  # untrained SVMs find nothing
    assert sum(seen) == len(proposals) and max(seen) == 16
    assert len(model([image], [proposals[:0]])[0]["boxes"]) == 0
    with pytest.raises(RuntimeError, match="eval"):
        model.train().fit_svms([image], [proposals], [truth])
    with pytest.raises(ValueError, match="image 0 has label 7"):
        model([image], [proposals], [truth | {"labels": torch.tensor([7])}])
    with pytest.raises(ValueError, match="1 images but proposals for 0"):
        model([image], [])


def test_d5_vgg_16_would_store_the_lectures_features():
    """5011 images of VOC07 with about 2000 proposals and 4096 numbers of 4 bytes: 164 GB."""
    assert round(5011 * 2000 * 4096 * 4 / 1e9) == 164
