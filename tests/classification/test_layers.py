"""Local response normalisation, and networks of convolutions and fully connected layers (A2, A3, A7)."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncourse.classification import NETWORKS, alexnet, vgg, zfnet
from cnncourse.classification.layers import (
    Conv,
    ConvNet,
    GroupedConvolution,
    Norm,
    Pool,
    local_response_norm,
    scale_channels,
)
from cnncourse.classification.vgg import STAGES, stacked_convolutions


def test_local_response_norm_is_the_papers_sum_written_out():
    x = torch.randn(2, 7, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.empty_like(x)
    for i in range(7):
        energy = sum(x[:, j] ** 2 for j in range(max(0, i - 2), min(6, i + 2) + 1))
        expected[:, i] = x[:, i] / (2 + 0.1 * energy) ** 0.75
    torch.testing.assert_close(local_response_norm(x, alpha=0.1), expected)


@pytest.mark.parametrize("size", [3, 5])
def test_pytorch_divides_alpha_by_the_windows_size(size):
    x = 30 * torch.randn(2, 9, 4, 4, generator=torch.Generator().manual_seed(0))
    ours = local_response_norm(x, size=size, alpha=1e-3)
    torch.testing.assert_close(ours, F.local_response_norm(x, size, alpha=size * 1e-3, beta=0.75, k=2.0))
    assert (ours - F.local_response_norm(x, size, alpha=1e-3, beta=0.75, k=2.0)).abs().max() > 0.1


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_groups_written_out_are_pytorchs(groups, device):
    torch.manual_seed(0)
    ours = GroupedConvolution(6, 12, 3, stride=2, padding=1, groups=groups).double()
    theirs = nn.Conv2d(6, 12, 3, stride=2, padding=1, groups=groups).double()
    ours.load_state_dict(theirs.state_dict())  # the same names and shapes
    x = torch.randn(2, 6, 7, 9).double()
    gradients = []
    for layer in (ours, lambda x: theirs(x).relu()):
        inside = x.clone().requires_grad_()
        out = layer(inside)
        out.square().sum().backward()
        gradients.append((out.detach(), inside.grad))
    torch.testing.assert_close(*gradients)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)
    assert (gradients[0][0] == 0).any()
    torch.testing.assert_close(ours.to(device)(x.to(device)).cpu(), gradients[0][0])


def test_groups_written_out_keep_the_size_of_the_signal():
    torch.manual_seed(0)
    layer = GroupedConvolution(64, 128, 3, padding=1, groups=2)
    assert layer(torch.randn(4, 64, 16, 16)).square().mean().item() == pytest.approx(1, rel=0.25)
    assert not layer.bias.any()


def test_alexnets_layers_stand_in_the_papers_order():
    with torch.device("meta"):
        model = alexnet()
    kinds = [type(part).__name__ for part in model.features]
    assert kinds[:8] == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"] * 2
    assert kinds[8:] == ["Conv2d", "ReLU"] * 3 + ["MaxPool2d"]
    assert [type(part).__name__ for part in model.classifier] == ["Linear", "ReLU", "Dropout"] * 2 + [
        "Linear"
    ]
    convolutions = [part for part in model.features if isinstance(part, nn.Conv2d)]
    assert [part.groups for part in convolutions] == [1, 2, 1, 2, 2]
    assert model.features[2].constants == (5, 1e-4, 0.75, 2.0)
    assert (model.features[3].kernel_size, model.features[3].stride) == (3, 2)  # overlapping


def test_zfnets_first_layers():
    with torch.device("meta"):
        convolutions = [part for part in zfnet().features if isinstance(part, nn.Conv2d)]
    assert [(part.kernel_size[0], part.stride[0]) for part in convolutions[:2]] == [(7, 2), (5, 2)]
    assert [part.out_channels for part in convolutions] == [96, 256, 384, 384, 256]


@pytest.mark.parametrize(
    "build",
    [
        lambda: alexnet(width=0.25, stem=Conv(96, 5, 1, 2), input_size=32, classes=10),
        lambda: alexnet("torchvision", width=0.1, stem=Conv(64, 5, 1, 2), input_size=32, classes=10),
        lambda: zfnet(width=0.1, stem=Conv(96, 5, 1, 2), input_size=32, classes=10),
        lambda: vgg(STAGES[11][:3], width=0.25, input_size=32, hidden=(64,), classes=10),
        lambda: vgg(16, width=0.1, batch_norm=True, input_size=32, classes=10),
    ],
)
def test_small_networks_are_the_same_classes(build):
    model = build()
    images = torch.rand(2, 3, 32, 32)
    assert model(images).shape == (2, 10)
    # At the size that it is made for, nothing is averaged in front of the fully connected layers.
    features = model.features(images)
    assert torch.equal(model.avgpool(features), features)


def test_width_scales_every_layer_but_the_last():
    with torch.device("meta"):
        model = alexnet(width=0.5)
    assert [part.out_channels for part in model.features if isinstance(part, nn.Conv2d)] == [
        48,
        128,
        192,
        192,
        128,
    ]
    assert [part.out_features for part in model.classifier if isinstance(part, nn.Linear)] == [
        2048,
        2048,
        1000,
    ]
    assert [scale_channels(number, 0.1) for number in (3, 16, 64, 96)] == [2, 2, 6, 10]


def test_activation_is_an_argument():
    with torch.device("meta"):
        kinds = {type(part) for part in alexnet(activation=nn.Tanh).modules()}
    assert nn.Tanh in kinds and nn.ReLU not in kinds


def test_too_small_an_image_is_named():
    with pytest.raises(ValueError, match=r"32 pixels is too small for row 9, Pool"):
        alexnet(input_size=32)
    with pytest.raises(ValueError, match=r"variant='caffe'.*'paper', 'torchvision'"):
        alexnet("caffe")
    with pytest.raises(ValueError, match="depth=12"):
        vgg(12)


def test_dropout_acts_on_the_two_hidden_layers():
    model = ConvNet([Conv(4, 3, padding=1), Norm(), Pool(2, 2)], 5, (64, 64), input_size=4, dropout=1.0)
    model.train()
    # All hidden units are dropped: only the last bias is left.
    model.classifier[-1].bias.data = torch.arange(5.0)
    assert torch.equal(model(torch.rand(1, 3, 4, 4)), torch.arange(5.0)[None])


def test_three_3x3_layers_and_one_7x7():
    three, one = stacked_convolutions(8), stacked_convolutions(8, 7, 1)
    weights = [sum(p.numel() for p in part.parameters() if p.dim() == 4) for part in (three, one)]
    assert weights == [27 * 64, 49 * 64]
    assert [sum(isinstance(layer, nn.ReLU) for layer in part) for part in (three, one)] == [3, 1]
    x = torch.rand(1, 8, 9, 9)
    assert three(x).shape == one(x).shape == x.shape
    out = x
    for layer in three[::2]:
        out = F.conv2d(out, layer.weight, layer.bias, padding=1).clamp(min=0)
    torch.testing.assert_close(three(x), out)
    with pytest.raises(ValueError, match="4x4"):
        stacked_convolutions(8, 4)


def test_initialisation_keeps_the_size_of_the_signal():
    torch.manual_seed(0)
    model = vgg(STAGES[16][:3], width=0.25, input_size=32, hidden=(64,), classes=10).eval()
    deviation = model(torch.randn(32, 3, 32, 32)).std()
    assert 0.3 < deviation < 10


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_starts_from_the_one_initialisation(name):
    """He et al. 2015: deviation sqrt(2 / fan in), biases 0. torch's own is 0.4 times as large, with biases."""
    torch.manual_seed(0)
    model = NETWORKS[name](classes=7, width=1 if name.startswith("cifar") else 0.125)
    layers = [part for part in model.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert all(part.bias is None or not part.bias.any() for part in layers)
    large = [part.weight for part in layers if part.weight.numel() > 2000]
    assert large
    for weight in large:
        assert float(weight.detach().std()) == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.1)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_runs_on_its_own_input_size_and_takes_classes_and_width(name):
    with torch.device("meta"):
        model = NETWORKS[name](classes=7, width=0.25)
        assert model.eval()(torch.empty(2, 3, model.input_size, model.input_size)).shape == (2, 7)
