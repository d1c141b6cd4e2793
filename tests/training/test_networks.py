"""The networks at course size: what they start from, and which regions teach the background."""

import pytest
import torch
from torch import nn

from cnncourse.training import networks


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


@pytest.mark.parametrize(("name", "count"), [("faster_rcnn", 8), ("yolo", 10), ("ssd", 10)])
def test_a_detector_uses_the_classifiers_own_layers_up_to_the_stage_that_it_looks_at(name, count):
    classifier = networks.narrow_vgg()
    first = convolutions(classifier.features)[:count]
    detector = networks.DETECTORS[name](classifier)
    assert len(first) == count and {*first} <= {*convolutions(detector)}


@pytest.mark.parametrize("skips", networks.SKIPS.values())
def test_a_segmentation_network_starts_from_the_classifiers_weights_and_leaves_them_alone(skips):
    classifier = networks.narrow_vgg()
    model = networks.fcn(skips, classifier)
    for mine, given in zip(convolutions(model.trunk), convolutions(classifier.features), strict=True):
        assert torch.equal(mine.weight, given.weight) and mine is not given


def test_a_region_that_overlaps_nothing_is_background_to_faster_rcnn():
    """The head thinks that nothing is background: a region that it should call so costs 50."""
    head = networks.faster_rcnn().head
    nn.init.zeros_(head.score.weight)
    head.score.bias.data[0] = -50
    features, box = torch.zeros(1, networks.CHANNELS, 12, 12), torch.tensor([[0.0, 0, 24, 24]])
    target = [{"boxes": box, "labels": torch.tensor([1])}]
    alone = sum(head.losses(features, [box], target).values())
    beside = sum(head.losses(features, [torch.tensor([[64.0, 64, 88, 88]])], target).values())
    assert alone < 5 and beside > 20
