"""Figures of feature maps and of patches (D1)."""

import torch

from cnncourse.looking.responses import strongest_responses
from cnncourse.visualize.responses import maps_figure, patches_figure


def test_figures_show_what_they_are_given():
    maps = torch.rand(5, 4, 4)
    axes = maps_figure(maps, columns=3, names=[7, 8, 9, 10, 66]).axes
    assert [ax.get_title() for ax in axes] == ["#7", "#8", "#9", "#10", "#66", ""]
    torch.testing.assert_close(torch.as_tensor(axes[4].images[0].get_array()), maps[4])
    values = strongest_responses(maps, 2)[0]
    axes = patches_figure(torch.rand(2, 3, 5, 5), values, below=torch.zeros(2, 3, 5, 5)).axes
    assert len(axes) == 4 and not axes[3].images[0].get_array().any()
    assert axes[0].get_title() == f"{maps.max().item():.2g}"
    assert axes[0].images[0].get_array().shape == (5, 5, 3)


def test_maps_and_patches_on_a_device_are_drawn(device):
    assert len(patches_figure(list(torch.rand(4, 3, 7, 7).to(device)), torch.rand(4).to(device)).axes) == 4
    assert len(maps_figure(torch.rand(3, 5, 5).to(device)).axes) == 3
