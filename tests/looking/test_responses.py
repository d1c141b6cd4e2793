"""Feature maps and the patches that a channel responds to most (D1)."""

import pytest
import torch
from torch import nn

from cnncourse.classification import alexnet, cifar_resnet
from cnncourse.classification.layers import Conv
from cnncourse.classification.profile import Field
from cnncourse.looking.responses import (
    feature_maps,
    field_of,
    patch,
    strongest_over,
    strongest_responses,
)


@pytest.fixture
def small():
    torch.manual_seed(0)
    return alexnet(width=0.1, stem=Conv(96, 5, 1, 2), input_size=32, classes=10)


def test_feature_maps_are_what_the_layers_below_compute(small):
    images = torch.rand(3, 3, 32, 32)
    small.train()
    maps = feature_maps(small, images, "features.4")  # the second convolution, before its ReLU in place
    with torch.no_grad():
        expected = small.features[:5](images)
    assert torch.equal(maps, expected) and (maps < 0).any()
    assert small.training and not small.features[4]._forward_hooks


def test_strongest_responses_are_those_of_a_search_through_everything():
    maps = torch.randn(6, 4, 5, generator=torch.Generator().manual_seed(0))
    found = strongest_responses(maps, 3)
    everything = sorted(
        ((maps[n, r, c].item(), n, r, c) for n in range(6) for r in range(4) for c in range(5)), reverse=True
    )
    best = {}
    for value, image, row, column in everything:
        best.setdefault(image, (value, image, row, column))  # an image counts once
    assert list(zip(*(part.tolist() for part in found), strict=True)) == list(best.values())[:3]


def test_ties_go_to_the_lower_image_and_the_upper_left_position():
    maps = torch.zeros(3, 2, 3)
    maps[1, 1, 2] = maps[1, 0, 2] = maps[2, 0, 0] = 5.0
    _, images, rows, columns = strongest_responses(maps, 3)
    assert images.tolist() == [1, 2, 0]
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 2), (0, 0), (0, 0)]


def test_batches_give_the_same_as_all_at_once(small):
    images = torch.rand(10, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = strongest_responses(feature_maps(small, images, "features.8")[:, 3], 4)
    for found, part in zip(strongest_over(small, images.split(3), "features.8", 3, 4), expected, strict=True):
        torch.testing.assert_close(found, part)
    with pytest.raises(ValueError, match="no images"):
        strongest_over(small, [], "features.8", 3, 4)


@pytest.mark.parametrize("row, column", [(0, 0), (3, 5), (7, 7)])
def test_a_response_depends_on_its_patch_and_on_nothing_else(row, column):
    torch.manual_seed(0)
    model = cifar_resnet(8).eval()
    layer, field = "layer1.0", field_of(model, "layer1.0")
    assert field == Field(7, 1, -3)
    image = torch.rand(3, 32, 32)
    before = feature_maps(model, image[None], layer)[0, :, row, column]
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4] = True
    elsewhere = torch.where(inside, image, torch.rand(3, 32, 32))
    assert torch.equal(patch(elsewhere, field, row, column), patch(image, field, row, column))
    torch.testing.assert_close(feature_maps(model, elsewhere[None], layer)[0, :, row, column], before)


def test_patch_is_cut_out_where_the_field_lies_and_grey_outside():
    image = torch.arange(3 * 8 * 8.0).reshape(3, 8, 8)
    inside = patch(image, Field(3, 2, 1), 1, 2)
    assert torch.equal(inside, image[:, 3:6, 5:8])
    corner = patch(image, Field(5, 4, -2), 0, 1, outside=-1.0)
    assert torch.equal(corner[:, 2:, :], image[:, 0:3, 2:7]) and (corner[:, :2] == -1).all()
    assert (patch(image, Field(3, 1, 20), 0, 0) == 0.5).all()


def test_layers_inside_blocks_and_blocks_have_fields():
    with torch.device("meta"):
        model = cifar_resnet(20)
    assert field_of(model, "layer2.0.conv1") == Field(17, 2, -8)
    assert field_of(model, "layer2.0") == Field(21, 2, -10)
    assert isinstance(model.layer1, nn.Sequential) and field_of(model, "layer1") == Field(15, 1, -7)


def test_responses_and_patches_of_a_network_on_a_device(small, device):
    images = torch.rand(6, 3, 32, 32)
    expected = strongest_over(small, images.split(4), "features.8", 3, 4)
    there = strongest_over(small.to(device), images.to(device).split(4), "features.8", 3, 4)
    assert there[1].tolist() == expected[1].tolist()
    field = field_of(small, "features.8")
    for i in there[1].tolist():
        assert torch.equal(patch(images[i].to(device), field, 1, 2).cpu(), patch(images[i], field, 1, 2))
