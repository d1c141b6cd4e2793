"""Sizes of maps and parameters of one convolution (A2), against PyTorch's own layers."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncourse.classification.convolution import conv_output_size, conv_parameters


@pytest.mark.parametrize("ceil", [False, True])
def test_output_size_is_that_of_pytorchs_poolings(ceil):
    for size, kernel, stride in itertools.product(range(1, 14), range(1, 6), range(1, 5)):
        for padding in range(kernel // 2 + 1):
            options = {"stride": stride, "padding": padding, "ceil_mode": ceil}
            try:
                expected = F.max_pool2d(torch.zeros(1, 1, size, size), kernel, **options).shape[-1]
            except RuntimeError:
                with pytest.raises(ValueError, match="does not fit"):
                    conv_output_size(size, kernel, stride, padding, ceil)
                continue
            assert conv_output_size(size, kernel, stride, padding, ceil) == expected


def test_alexnets_first_map_needs_227_pixels_or_padding():
    assert conv_output_size(227, 11, 4) == conv_output_size(224, 11, 4, padding=2) == 55
    assert conv_output_size(224, 11, 4) == 54


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="positive"):
        conv_output_size(8, 3, stride=0)
    with pytest.raises(ValueError, match="2 groups"):
        conv_parameters(3, 8, 3, groups=2)


@pytest.mark.parametrize("groups, bias", [(1, True), (2, True), (4, False)])
def test_parameters_are_those_of_a_convolution(groups, bias):
    conv = nn.Conv2d(8, 12, 5, padding=1, groups=groups, bias=bias)
    assert conv_parameters(8, 12, 5, groups, bias) == sum(p.numel() for p in conv.parameters())


def test_parameters_of_alexnets_first_layer():
    assert conv_parameters(3, 96, 11) == 34_944


def test_three_3x3_weigh_27_against_49():
    assert 3 * conv_parameters(64, 64, 3, bias=False) == 27 * 64**2
    assert conv_parameters(64, 64, 7, bias=False) == 49 * 64**2
