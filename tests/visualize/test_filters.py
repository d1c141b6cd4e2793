"""Filters side by side (A5)."""

import numpy as np
import torch

from cnncourse.looking.filters import filters_as_images
from cnncourse.visualize.filters import filters_figure, mosaic


def test_mosaic_lays_images_out_row_by_row():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 1), np.uint8)
    whole = mosaic(images, columns=2, border=1, ground=9)
    assert whole.shape == (10, 9, 1)
    expected = [
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 0, 0, 0, 9, 1, 1, 1, 9],
        [9, 0, 0, 0, 9, 1, 1, 1, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 2, 2, 2, 9, 3, 3, 3, 9],
        [9, 2, 2, 2, 9, 3, 3, 3, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
        [9, 4, 4, 4, 9, 9, 9, 9, 9],
        [9, 4, 4, 4, 9, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9, 9, 9],
    ]
    assert whole[..., 0].tolist() == expected


def test_figure_shows_every_filter_in_its_group():
    weight = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    axes = filters_figure(weight, columns=2, groups=2).axes
    images = filters_as_images(weight.detach()).numpy()
    assert [ax.get_title(loc="left") for ax in axes] == ["group 1", "group 2"]
    for ax, part in zip(axes, (images[:4], images[4:]), strict=True):
        assert np.array_equal(ax.images[0].get_array(), mosaic(part, 2))


def test_filters_on_a_device_are_drawn(device):
    assert filters_figure(torch.randn(4, 3, 2, 2).to(device), columns=2).axes
