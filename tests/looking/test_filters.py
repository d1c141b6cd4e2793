"""Filters as pictures (A5)."""

import torch

from cnncourse.looking.filters import filters_as_images


def test_zero_is_grey_and_each_filter_uses_its_own_range():
    weight = torch.zeros(3, 3, 2, 2)
    weight[0, 0, 0, 1], weight[0, 2, 1, 0] = 2.0, -1.0
    weight[1, 1, 1, 1] = -0.01
    images = filters_as_images(weight)
    assert images.shape == (3, 2, 2, 3) and images.dtype == torch.uint8
    assert images[0, 0, 1].tolist() == [255, 128, 128]
    assert images[0, 1, 0].tolist() == [128, 128, 64]
    assert images[1, 1, 1].tolist() == [128, 0, 128]
    assert (images[2] == 128).all()


def test_filters_on_a_device(device):
    weight = torch.randn(4, 3, 2, 2)
    assert torch.equal(filters_as_images(weight.to(device)).cpu(), filters_as_images(weight))
