"""GoogLeNet and its module, naive and reduced (A9)."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnncourse.classification.googlenet import (
    MODULES,
    ConvUnit,
    GoogLeNetOutputs,
    Inception,
    class_activation_maps,
    global_average_pool,
    googlenet,
)
from cnncourse.classification.profile import profile, total


def conv(x, unit):
    return F.relu(F.conv2d(x, unit.conv.weight, unit.conv.bias, padding=unit.conv.kernel_size[0] // 2))


def test_module_with_reduction_is_figure_2b():
    module = Inception(6, (3, 2, 5, 4, 7, 8)).double()
    x = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    expected = torch.cat(
        [
            conv(x, module.branch1),
            conv(conv(x, module.branch2[0]), module.branch2[1]),
            conv(conv(x, module.branch3[0]), module.branch3[1]),
            conv(F.max_pool2d(x, 3, 1, 1), module.branch4[1]),
        ],
        dim=1,
    )
    assert expected.shape[1] == module.out_channels == 3 + 5 + 7 + 8
    assert [unit.conv.kernel_size[0] for unit in (module.branch2[1], module.branch3[1])] == [3, 5]
    torch.testing.assert_close(module(x), expected)


def test_naive_module_is_figure_2a_and_hands_all_pooled_channels_on():
    module = Inception(6, (3, 2, 5, 4, 7, 8), reduction=False).double()
    x = torch.randn(2, 6, 5, 4, dtype=torch.float64)
    expected = torch.cat(
        [
            conv(x, module.branch1),
            conv(x, module.branch2[1]),
            conv(x, module.branch3[1]),
            F.max_pool2d(x, 3, 1, 1),
        ],
        1,
    )
    assert expected.shape[1] == module.out_channels == 3 + 5 + 7 + 6
    torch.testing.assert_close(module(x), expected)


def test_naive_modules_blow_up():
    with torch.device("meta"):
        reduced, naive = googlenet(), googlenet(reduction=False)
    assert naive.inception5b.out_channels > 3 * reduced.inception5b.out_channels
    assert total(profile(naive))[1] > 5 * total(profile(reduced))[1]


def test_global_average_pooling_takes_maps_of_any_size():
    x = torch.randn(2, 3, 5, 4)
    expected = torch.stack([torch.stack([channel.sum() / 20 for channel in image]) for image in x])
    torch.testing.assert_close(global_average_pool(x), expected)
    torch.testing.assert_close(global_average_pool(x), nn.AdaptiveAvgPool2d(1)(x).flatten(1))


def test_a_unit_has_a_bias_or_a_batch_normalisation_before_its_relu():
    x = torch.randn(4, 2, 7, 6)
    plain, normalised = ConvUnit(2, 3, 3, 2, 1), ConvUnit(2, 3, 3, 2, 1, batch_norm=True)
    convolved = F.conv2d(x, plain.conv.weight, plain.conv.bias, 2, 1)
    torch.testing.assert_close(plain(x), convolved.clamp(min=0))
    assert normalised.conv.bias is None
    maps = F.conv2d(x, normalised.conv.weight, stride=2, padding=1)
    variance, mean = torch.var_mean(maps, (0, 2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(normalised(x), ((maps - mean) / (variance + 0.001).sqrt()).clamp(min=0))


def test_a_map_of_a_million_values_has_the_mean_of_float64():
    x = 0.5 + torch.rand(1, 2, 1000, 1000, generator=torch.Generator().manual_seed(0))
    expected = x.double().mean((2, 3))
    torch.testing.assert_close(global_average_pool(x).double(), expected, rtol=1e-6, atol=0)
    bias = torch.zeros(2)
    maps = class_activation_maps(x, torch.eye(2), bias)
    torch.testing.assert_close(global_average_pool(maps).double(), expected, rtol=1e-6, atol=0)


def test_class_activation_maps_are_the_classifier_at_each_position_and_average_to_its_logits():
    features, classifier = torch.randn(2, 4, 3, 5), nn.Linear(4, 6)
    maps = class_activation_maps(features, classifier.weight, classifier.bias)
    expected = classifier(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(maps, expected)
    torch.testing.assert_close(global_average_pool(maps), classifier(global_average_pool(features)))


def test_auxiliary_heads_answer_in_training_only_and_are_trained():
    model = googlenet(width=1 / 8, aux=True, classes=5)
    images = torch.rand(2, 3, 224, 224)
    outputs = model(images)
    assert isinstance(outputs, GoogLeNetOutputs) and [out.shape for out in outputs] == [(2, 5)] * 3
    outputs.aux_logits1.sum().backward(retain_graph=True)
    assert model.aux1.fc2.weight.grad.any() and model.inception4a.branch1.conv.weight.grad.any()
    assert model.aux2.fc2.weight.grad is None and model.inception4b.branch1.conv.weight.grad is None
    outputs.aux_logits2.sum().backward()
    assert (
        model.inception4d.branch1.conv.weight.grad.any()
        and model.inception4e.branch1.conv.weight.grad is None
    )
    assert model.eval()(images).shape == (2, 5)


def test_small_network_for_32_pixels_is_the_same_class():
    few = {name: MODULES[name] for name in ("3a", "4a", "5a")}
    model = googlenet("torchvision", stem="small", modules=few, width=0.25, classes=10, input_size=32)
    assert model.path == ["inception3a", "maxpool3", "inception4a", "maxpool4", "inception5a"]
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"variant='caffe'.*variants are paper, torchvision"):
        googlenet("caffe")
    with pytest.raises(ValueError, match=r"stem='large'.*stems imagenet, small"):
        googlenet(stem="large")
    with pytest.raises(ValueError, match="behind the modules 4a and 4d"):
        googlenet(aux=True, modules={"3a": MODULES["3a"]})


@pytest.mark.parametrize("options", [{"input_size": 237}, {"input_size": 32, "stem": "small"}])
def test_the_papers_auxiliary_heads_fit_the_input_size(options):
    with torch.device("meta"):
        model = googlenet(width=0.1, aux=True, classes=5, **options)
    outputs = model(torch.empty(2, 3, options["input_size"], options["input_size"], device="meta"))
    assert [out.shape for out in outputs] == [(2, 5)] * 3
