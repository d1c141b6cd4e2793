"""Anchors and default boxes: the published numbers (D11, D15) and torchvision's generators."""

import pytest
import torch
from torch.testing import assert_close
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList

from cnncourse.detection.anchors import base_anchors, default_boxes, grid_anchors
from cnncourse.detection.boxes import box_area, inside_image

SSD300 = {
    "maps": [(n, n) for n in (38, 19, 10, 5, 3, 1)],
    "steps": (8, 16, 32, 64, 100, 300),
    "sizes": (30, 60, 111, 162, 213, 264, 315),
    "ratios": ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
}


def test_d11_base_anchors_are_the_published_codes():
    caffe = [
        [-84, -40, 99, 55],
        [-176, -88, 191, 103],
        [-360, -184, 375, 199],
        [-56, -56, 71, 71],
        [-120, -120, 135, 135],
        [-248, -248, 263, 263],
        [-36, -80, 51, 95],
        [-80, -168, 95, 183],
        [-168, -344, 183, 359],
    ]
    assert (base_anchors() - torch.tensor([0, 0, 1, 1])).tolist() == caffe


@pytest.mark.parametrize(("size", "count"), [((37, 62), 20_646), ((38, 63), 21_546)])
def test_d11_a_1000_x_600_image_has_the_published_numbers_of_anchors(size, count):
    anchors = grid_anchors(base_anchors(), size, 16)
    assert len(anchors) == count
    assert int(inside_image(anchors, (600, 1000)).sum()) == 8151


def test_d11_anchors_are_torchvisions_in_its_variant():
    sizes, ratios = (16, 40, 100), (0.5, 1.0, 2.0)
    generator = AnchorGenerator((sizes,), (ratios,))
    features, images = torch.zeros(1, 1, 5, 7), ImageList(torch.zeros(1, 3, 80, 112), [(80, 112)])
    base = base_anchors(sizes, ratios, variant="torchvision")
    assert torch.equal(grid_anchors(base, (5, 7), 16), generator(images, [features])[0])
    assert torch.equal(
        grid_anchors(base.double(), (5, 7), (16, 16)), generator(images, [features.double()])[0]
    )


def test_d11_anchors_move_with_the_stride():
    anchors = grid_anchors(base_anchors(), (3, 4), 16).view(3, 4, 9, 4)
    assert torch.equal(anchors[2, 3], anchors[0, 0] + torch.tensor([48, 32, 48, 32]))


def test_unknown_variants_and_wrong_numbers_of_maps_are_refused():
    with pytest.raises(ValueError, match=r"variant must be one of 'paper', 'torchvision', not 'matlab'"):
        base_anchors(variant="matlab")
    with pytest.raises(ValueError, match="6 maps"):
        default_boxes(**(SSD300 | {"sizes": (30, 60)}))


def test_d15_ssd300_has_8732_default_boxes_and_ssd512_24564():
    assert len(default_boxes(**SSD300)) == 8732
    ssd512 = default_boxes(
        maps=[(n, n) for n in (64, 32, 16, 8, 4, 2, 1)],
        steps=(8, 16, 32, 64, 128, 256, 512),
        sizes=(35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6),
        ratios=((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    )
    assert len(ssd512) == 24_564


def test_d15_default_boxes_are_torchvisions():
    scales = [s / 300 for s in SSD300["sizes"]]
    generator = DefaultBoxGenerator(
        [list(r) for r in SSD300["ratios"]], scales=scales, steps=list(SSD300["steps"]), clip=False
    )
    images = ImageList(torch.zeros(1, 3, 300, 300), [(300, 300)])
    expected = generator(images, [torch.zeros(1, 1, *m, dtype=torch.float64) for m in SSD300["maps"]])[0]
    boxes = default_boxes(**SSD300, dtype=torch.float64)
    assert_close(boxes, expected.double(), rtol=0, atol=1e-4)  # torchvision keeps the sizes in float32


def test_d15_shapes_of_one_position_and_a_centre_outside_the_image():
    boxes = default_boxes([(10, 10)], [32], [111, 162], [(2, 3)], torch.float64)
    last = boxes[-6:]
    assert_close(last[:, :2] + last[:, 2:], torch.full((6, 2), 2 * 304.0, dtype=torch.float64))
    areas = torch.tensor([111**2, 111 * 162] + [111**2] * 4, dtype=torch.float64)
    assert_close(box_area(last), areas)
    ratios = (last[:, 2] - last[:, 0]) / (last[:, 3] - last[:, 1])
    assert_close(ratios, torch.tensor([1, 1, 2, 1 / 2, 3, 1 / 3], dtype=torch.float64))
