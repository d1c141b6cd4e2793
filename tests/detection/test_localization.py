"""Classification with localization (D2)."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cnncourse.detection.localization import Localizer, fractions, localization_loss, localized


def test_d2_two_heads_share_the_features():
    with torch.device("meta"):
        model = Localizer(nn.Sequential(nn.Flatten(), nn.Linear(48, 4096)), 4096, 1000)
        logits, boxes = model(torch.zeros(2, 3, 4, 4))
    assert logits.shape == (2, 1000) and boxes.shape == (2, 4)
    counts = [sum(p.numel() for p in head.parameters()) for head in (model.classify, model.regress)]
    assert counts == [4_097_000, 4 * 4096 + 4]


def test_d2_the_loss_by_hand():
    logits = torch.tensor([[0.0, 0], [1, 0]], dtype=torch.float64)
    boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 0, 0]], dtype=torch.float64)
    wanted = torch.tensor([[0.0, 0, 1, 0.5], [0, 0, 1, 1]], dtype=torch.float64)
    losses = localization_loss(logits, boxes, torch.tensor([1, 0]), wanted, box_weight=3)
    assert losses["loss_classifier"].item() == pytest.approx((math.log(2) + math.log(1 + math.exp(-1))) / 2)
    assert losses["loss_box_reg"].item() == pytest.approx(3 * (0.25 + 2) / 2)


def test_d2_an_image_is_right_if_class_and_box_are():
    true = torch.tensor([[0.0, 0, 2, 1]]).expand(4, 4)
    found = torch.tensor([[0.0, 0, 2, 1], [0, 0, 1, 1], [0, 0, 0.9, 1], [0, 0, 2, 1]])
    assert localized(torch.tensor([1, 1, 1, 0]), found, torch.ones(4), true).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_d2_boxes_in_fractions_and_a_network_that_learns_both():
    assert_close(fractions(torch.tensor([[10.0, 10, 20, 40]]), [(40, 20)]), torch.tensor([[0.5, 0.25, 1, 1]]))
    torch.manual_seed(0)
    images, labels, boxes = torch.zeros(6, 3, 8, 8), torch.tensor([0, 1] * 3), []
    for i in range(6):
        images[i, int(labels[i]), i : i + 3, 1:6] = 1
        boxes.append([1.0, i, 6, i + 3])
    wanted = fractions(torch.tensor(boxes), [(8, 8)] * 6)
    model = Localizer(nn.Sequential(nn.Flatten(), nn.Linear(192, 32), nn.ReLU()), 32, 2)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        loss = sum(localization_loss(*model(images), labels, wanted).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    logits, found = model(images)
    assert localized(logits.argmax(1), found, labels, wanted).all()
