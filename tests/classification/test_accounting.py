"""Multiply-accumulates and receptive fields by formula (A7, A8), against sums of ones and where gradients arrive."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncourse.classification.accounting import conv_multiply_accumulates, evaluating, receptive_field


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_products_are_those_of_a_convolution(groups):
    weight = torch.ones(12, 8 // groups, 5, 5)
    # Every product is 1 when weights and (unpadded) inputs are: the sum of the outputs counts them.
    ones = F.conv2d(torch.ones(1, 8, 9, 7), weight, groups=groups)
    assert conv_multiply_accumulates(8, 12, 5, 5, 3, groups) == ones.sum()


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="2 groups"):
        conv_multiply_accumulates(8, 3, 3, 5, 5, groups=2)


def test_examples_of_the_docstrings():
    assert conv_multiply_accumulates(3, 96, 11, 55, 55) == 105_415_200
    assert conv_multiply_accumulates(96, 256, 5, 27, 27, groups=2) == 223_948_800
    assert receptive_field([(5, 2, 2), (3, 1, 1)]) == (9, 2, -4)
    assert receptive_field([]) == (1, 1, 0)


def test_three_3x3_see_7():
    assert receptive_field([(3, 1, 1)] * 3) == (7, 1, -3)
    assert receptive_field([(7, 1, 3)]) == (7, 1, -3)


@pytest.mark.parametrize(
    "layers",
    [[(3, 2, 1), (3, 1, 0)], [(7, 2, 3), (3, 2, 1), (3, 2, 1), (1, 1, 0)], [(5, 3, 2), (4, 2, 1)]],
)
def test_receptive_field_is_where_gradients_arrive(layers):
    x = torch.zeros(1, 1, 90, 90, requires_grad=True)
    out = x
    for kernel, stride, padding in layers:
        out = F.conv2d(out, torch.ones(1, 1, kernel, kernel), stride=stride, padding=padding)
    position = out.shape[-1] // 2
    out[0, 0, position, position].backward()
    seen = x.grad[0, 0].any(0).nonzero().squeeze()
    size, stride, start = receptive_field(layers)
    assert (start + position * stride, start + position * stride + size - 1) == (seen[0], seen[-1])


def test_evaluation_ends_with_every_module_in_the_mode_that_it_was_in():
    model = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm2d(2)))
    model[1].eval()  # frozen, say
    with pytest.raises(RuntimeError, match="on the way"), evaluating(model):
        assert not any(module.training for module in model.modules())
        raise RuntimeError("on the way")
    assert [module.training for module in model.modules()] == [True, True, False, False]
