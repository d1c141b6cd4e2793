"""SPP-net: a fixed length, one pass, a trunk left alone though gradients could pass (D7, D8)."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cnncourse.detection.inputs import IMAGENET_MEAN, IMAGENET_STD
from cnncourse.detection.roi import project_to_cells, region_pyramid_pool
from cnncourse.detection.sppnet import SPPClassifier, SPPNet, choose_scales


def classifier(levels=(3, 2, 1)):
    torch.manual_seed(0)
    trunk = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1),
        nn.ReLU(),
    )
    return SPPClassifier(trunk, 12, (24,), 10, levels, dropout=0.0)


def small(**options):
    return SPPNet(classifier(), 3, stride=4, scales=(48, 96), samples=32, **options)


def scene(seed):
    generator = torch.Generator().manual_seed(seed)
    first = torch.rand(30, 2, generator=generator) * 25
    boxes = torch.cat((first, first + 8 + 14 * torch.rand(30, 2, generator=generator)), 1)
    truth = {"boxes": torch.tensor([[5.0, 5, 30, 30]]), "labels": torch.tensor([1 + seed % 2])}
    image = torch.rand(3, 48, 56, generator=generator) * 0.3
    image[seed % 2, 5:30, 5:30] = 1
    near = truth["boxes"] + 6 * torch.rand(8, 4, generator=generator) - 3
    return image, torch.cat((boxes, near)), truth


def test_d7_one_classifier_takes_images_of_any_size():
    model = classifier().eval()
    for size in ((32, 32), (45, 61), (200, 17)):
        assert model(torch.rand(2, 3, *size)).shape == (2, 10)
    assert model.classifier[0].in_features == 12 * 14


def test_d8_the_trunk_runs_once_a_scale_whatever_the_number_of_regions():
    model, (image, proposals, _) = small().eval(), scene(0)
    seen = []
    model.trunk.register_forward_hook(lambda *args: seen.append(1))
    model([image], [proposals.repeat(5, 1)])
    assert len(seen) <= 2


def test_d8_regions_are_pooled_from_the_map_of_the_whole_image():
    model, (image, proposals, _) = small().eval(), scene(0)
    model.scales = (48,)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        features = model.trunk(((image - mean) / std)[None])
        expected = region_pyramid_pool(features, [project_to_cells(proposals, 4)], (3, 2, 1))
        assert_close(model.pooled(image, proposals), expected)


def test_d8_no_regions_are_pooled_to_no_vectors():
    model, (image, proposals, _) = small().eval(), scene(0)
    with torch.no_grad():
        one, none = (model.pooled(image, proposals[:count]) for count in (1, 0))
    assert one.shape == (1, 12 * 14) and none.shape == (0, 12 * 14) and none.dtype == one.dtype
    assert len(model([image], [proposals[:0]])[0]["boxes"]) == 0


def test_d8_every_region_is_taken_from_the_scale_that_fits_it():
    regions = torch.tensor([[0.0, 0, 10, 10], [0, 0, 20, 20], [0, 0, 90, 90]])
    assert choose_scales(regions, (100, 100), [(100, 100), (200, 200), (400, 400)], 40 * 40).tolist() == [
        2,
        1,
        0,
    ]
    model, (image, proposals, _) = small().eval(), scene(1)
    model.TYPICAL_AREA = 20 * 20
    with torch.no_grad():
        both = model.pooled(image, proposals)
        which = choose_scales(proposals, (48, 56), [(48, 56), (96, 112)], model.TYPICAL_AREA)
        assert len(which.unique()) == 2
        for k, scale in enumerate((48, 96)):
            model.scales = (scale,)
            assert_close(both[which == k], model.pooled(image, proposals)[which == k])


def test_d8_fine_tuning_leaves_the_trunk_alone_though_the_layer_is_differentiable():
    image, proposals, truth = scene(0)
    for train_trunk in (False, True):
        model = small(train_trunk=train_trunk)
        model([image], [proposals], [truth])["loss_classifier"].backward()
        trunk = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in model.trunk.parameters()]
        assert trunk == [p.requires_grad for p in model.trunk.parameters()] == [train_trunk] * 4
        assert model.layers[0].weight.grad.abs().sum() > 0


def test_d8_the_three_stages_detect_what_they_were_shown():
    images, proposals, targets = zip(*(scene(seed) for seed in range(6)), strict=True)
    model = small()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    for _ in range(50):
        loss = model(images, proposals, targets)["loss_classifier"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    model.fit_svms(images, proposals, targets, c=0.1)
    model.fit_box_regressors(images, proposals, targets, ridge=100.0)
    for found, truth in zip(model(images, proposals), targets, strict=True):
        assert found["labels"][0] == truth["labels"][0]
        assert (found["boxes"][0] - truth["boxes"][0]).abs().max() < 5
    with pytest.raises(ValueError, match="image 0 has label 3"):
        model.train()(images[:1], proposals[:1], [targets[0] | {"labels": torch.tensor([3])}])
