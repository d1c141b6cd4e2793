"""Zeiler and Fergus's deconvnet (D1), held against autograd."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncourse.classification import alexnet, vgg, zfnet
from cnncourse.classification.layers import Conv
from cnncourse.looking.deconvnet import (
    as_pictures,
    deconvnet,
    keep_one,
    pool_with_switches,
    transposed_convolution,
    unpool,
)


def test_switches_and_unpooling_worked_example():
    x = torch.tensor([[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]])[None, None]
    pooled, switches = pool_with_switches(x, 2, 2)
    assert pooled[0, 0].tolist() == [[5, 6], [7, 8]] and switches[0, 0].tolist() == [[5, 2], [12, 15]]
    back = unpool(torch.tensor([[1.0, 2], [3, 4]])[None, None], switches, 4, 4)
    assert back[0, 0].tolist() == [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]]


def test_unpooling_adds_up_where_windows_share_a_maximum():
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 9
    pooled, switches = pool_with_switches(x, 3, 2)
    assert unpool(pooled, switches, 5, 5)[0, 0, 2, 2] == 4 * 9


@pytest.mark.parametrize("kernel, stride, ceil", [(2, 2, False), (3, 2, False), (3, 2, True)])
def test_unpooling_is_the_gradient_of_pooling(kernel, stride, ceil):
    x = torch.randn(2, 3, 8, 7, dtype=torch.float64, requires_grad=True)
    pooled, switches = pool_with_switches(x, kernel, stride, ceil=ceil)
    signal = torch.randn_like(pooled)
    (expected,) = torch.autograd.grad(pooled, x, signal)
    torch.testing.assert_close(unpool(signal, switches, 8, 7), expected)


@pytest.mark.parametrize(
    "stride, padding, groups, size", [(1, 1, 1, 8), (4, 2, 1, 21), (2, 0, 2, 8), (3, 1, 1, 10)]
)
def test_transposed_convolution_is_the_gradient_of_convolution(stride, padding, groups, size):
    conv = nn.Conv2d(4, 6, 5, stride, padding, groups=groups).double()
    x = torch.randn(2, 4, size, size + 1, dtype=torch.float64, requires_grad=True)
    out = conv(x)
    signal = torch.randn_like(out)
    (expected,) = torch.autograd.grad(out, x, signal)
    torch.testing.assert_close(
        transposed_convolution(signal, conv.weight, size, size + 1, conv.stride, conv.padding, groups),
        expected,
    )


class RectifiedOnTheWayBack(torch.autograd.Function):
    """A ReLU whose gradient is replaced by the deconvnet's rule: the sign of the *signal* decides."""

    @staticmethod
    def forward(context, x):
        return x.clamp(min=0)

    @staticmethod
    def backward(context, signal):
        return signal.clamp(min=0)


def by_autograd(features, images, layer, channel):
    """The deconvnet as the gradient of the strongest response's half square, with ReLU's gradient replaced."""
    x = images.clone().requires_grad_()
    out = x
    for part in features[: layer + 1]:
        out = RectifiedOnTheWayBack.apply(out) if isinstance(part, nn.ReLU) else part(out)
    strongest = out[:, channel].flatten(1).amax(1)
    (projection,) = torch.autograd.grad((strongest**2 / 2).sum(), x)
    return projection


def networks():
    small = {"width": 0.1, "input_size": 32}
    yield "alexnet", alexnet("torchvision", stem=Conv(64, 5, 1, 2), **small), 7
    yield "zfnet without norm", zfnet(stem=Conv(96, 7, 2, 1), width=0.1, input_size=64), None
    yield "vgg_bn", vgg(11, batch_norm=True, **small), 13


@pytest.mark.parametrize(
    "name, model, layer", list(networks()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_deconvnet_is_the_gradient_with_relus_rule_replaced(name, model, layer):
    torch.manual_seed(0)
    model = model.double().eval()
    features = nn.Sequential(
        *(part for part in model.features if "Norm" not in type(part).__name__ or "bn" in name)
    )
    for part in features:
        if isinstance(part, nn.BatchNorm2d):
            part.running_var.uniform_(0.5, 2)
            part.running_mean.normal_(0, 0.2)
            nn.init.uniform_(part.weight, 0.5, 1.5)
        elif isinstance(part, nn.Conv2d):
            nn.init.normal_(part.bias, 0, 0.1)
    layer = len(features) - 1 if layer is None else layer
    images = torch.rand(3, 3, model.input_size, model.input_size, dtype=torch.float64)
    channel = feature_channel(features, images, layer)
    features.train()  # the deconvnet looks at the network in evaluation mode by itself
    ours = deconvnet(features, images, layer, channel)
    features.eval()
    assert ours.abs().amax((1, 2, 3)).min() > 0
    torch.testing.assert_close(ours, by_autograd(features, images, layer, channel))
    # It is not the gradient itself: that has ReLU's own rule.
    assert not torch.allclose(ours, plain_gradient(features, images, layer, channel))


def feature_channel(features, images, layer) -> int:
    with torch.no_grad():
        maps = features[: layer + 1](images)
    return maps.amax((2, 3)).amin(0).argmax().item()


def plain_gradient(features, images, layer, channel):
    x = images.clone().requires_grad_()
    strongest = features[: layer + 1](x)[:, channel].flatten(1).amax(1)
    (gradient,) = torch.autograd.grad((strongest**2 / 2).sum(), x)
    return gradient


def test_local_response_normalisation_is_passed_over():
    torch.manual_seed(0)
    model = alexnet(stem=Conv(96, 5, 1, 2), width=0.1, input_size=32).eval()
    x = torch.rand(1, 3, 32, 32)
    one = deconvnet(model.features, x, 2, 4, (5, 6))
    value = model.features[:3](x)[0, 4, 5, 6].item()
    conv = model.features[0]
    expected = torch.zeros(1, 3, 32, 32)
    expected[:, :, 3:8, 4:9] = value * conv.weight[4]
    torch.testing.assert_close(one, expected.detach())


def test_position_chooses_which_response_is_projected():
    torch.manual_seed(0)
    features = vgg(11, width=0.1, input_size=32).features
    x = torch.rand(2, 3, 32, 32)
    out = deconvnet(features, x, 1, 0, (10, 20))
    seen = torch.zeros(32, 32, dtype=torch.bool)
    seen[9:12, 19:22] = True
    assert not out[:, :, ~seen].any()


def test_keep_one_keeps_each_images_strongest_response():
    maps = torch.tensor([[[[1.0, 3], [2, 0]], [[9, 9], [9, 9]]], [[[-1, -4], [-2, -3]], [[9, 9], [9, 9]]]])
    kept = keep_one(maps, 0)
    assert kept.tolist() == [[[[0, 3], [0, 0]], [[0, 0], [0, 0]]], [[[-1, 0], [0, 0]], [[0, 0], [0, 0]]]]
    assert F.relu(kept[1]).sum() == 0


def test_pictures_have_zero_as_grey():
    pictures = as_pictures(torch.tensor([[-2.0, 0, 1], [0, 0, 0]])[:, None, None, :].expand(2, 3, 1, 3))
    assert pictures[0, 0, 0].tolist() == [0, 0.5, 0.75] and (pictures[1] == 0.5).all()


def test_deconvnet_on_a_device(device):
    torch.manual_seed(0)
    model = zfnet(stem=Conv(96, 7, 2, 1), width=0.1, input_size=64)
    images = torch.rand(2, 3, 64, 64)
    expected = deconvnet(model.features, images, 9, 2)
    there = deconvnet(model.to(device).features, images.to(device), 9, 2)
    assert there.device.type == device.type
    torch.testing.assert_close(as_pictures(there).cpu(), as_pictures(expected), rtol=1e-3, atol=1e-4)
