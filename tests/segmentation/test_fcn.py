"""Fully convolutional networks: published counts, crops and graphs (S8), the heat map (S1)."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from cnncourse.classification.vgg import vgg
from cnncourse.segmentation.fcn import (
    FCN,
    Upsample,
    cell_position,
    convolutional_classifier,
    fix_all_but_score,
    linear_to_conv,
    segmentation_loss,
)


def tiny_vgg(input_size=224, **options):
    torch.manual_seed(0)
    return vgg(16, width=1 / 32, classes=7, input_size=input_size, **options).double().eval()


def filled(model, seed=1):
    """Scores that are not zero: a network that starts at zero would agree with anything."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.score.parameters():
        nn.init.normal_(parameter, generator=generator)
    return model.eval()


def test_s1_the_heat_map_is_the_classifier_on_every_aligned_crop():
    torch.manual_seed(0)
    trunk = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ).double()
    crop, stride = 35, 8  # 33, 16, 7, 3
    classifier = nn.Sequential(nn.Linear(45, 6), nn.ReLU(), nn.Dropout(), nn.Linear(6, 4)).double().eval()
    heads = convolutional_classifier(classifier, 3).eval()
    image = torch.randn(1, 3, crop + 3 * stride, crop + 2 * stride, dtype=torch.float64)
    heat = heads(trunk(image))
    assert heat.shape == (1, 4, 4, 3)
    for i in range(4):
        for j in range(3):
            window = image[..., stride * i : stride * i + crop, stride * j : stride * j + crop]
            assert_close(heat[..., i, j], classifier(trunk(window).flatten(1)))


def test_s1_turned_layers_refuse_maps_that_they_do_not_read():
    with pytest.raises(ValueError, match="7 x 7"):
        linear_to_conv(nn.Linear(100, 3), 7)


@pytest.mark.parametrize(
    ("skips", "crops", "fixed", "per_class", "dense"),
    [
        (0, [19], 134_346_581, 134_432_597, 136_152_917),
        (1, [5, 27], 134_357_354, 134_379_194, 134_815_994),
        (2, [5, 9, 31], 134_362_751, 134_368_799, 134_489_759),
    ],
)
def test_s8_paper_size_has_the_published_crops_and_parameters(skips, crops, fixed, per_class, dense):
    with torch.device("meta"):
        classifier = vgg(16)
        for upsampling, count in (("fixed", fixed), ("per_class", per_class), ("dense", dense)):
            model = FCN(classifier, 21, skips, padding=100, upsampling=upsampling)
            assert sum(p.numel() for p in model.parameters()) == count
            assert model.crops() == crops
        for size in ((500, 375), (1, 1), (224, 333)):
            assert model(torch.zeros(1, 3, *size)).shape == (1, 21, *size)


def bilinear(x, factor):
    kernel = 1 - (torch.arange(2 * factor, dtype=x.dtype) - factor + 0.5).abs() / factor
    channels = x.shape[1]
    weight = (kernel[:, None] * kernel).expand(channels, 1, -1, -1)
    return F.conv_transpose2d(x, weight, stride=factor, groups=channels)


def published_fcn(model, classifier, image, skips):
    """The Caffe models' graphs with their numbers written out."""
    x, pools = image, []
    first = True
    for layer in classifier.features:
        if isinstance(layer, nn.Conv2d):
            x = F.conv2d(x, layer.weight, layer.bias, padding=100 if first else 1).relu()
            first = False
        elif isinstance(layer, nn.MaxPool2d):
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
            pools.append(x)
    fc6, fc7 = (layer for layer in list(classifier.classifier)[:-1] if isinstance(layer, nn.Linear))
    x = F.conv2d(x, fc6.weight.view(len(fc6.weight), -1, 7, 7), fc6.bias).relu()
    x = F.conv2d(x, fc7.weight[:, :, None, None], fc7.bias).relu()
    x = model.score[0](x)
    height, width = image.shape[-2:]
    if skips == 0:
        return bilinear(x, 32)[..., 19 : 19 + height, 19 : 19 + width]
    x = bilinear(x, 2)
    x = x + model.score[1](pools[3])[..., 5 : 5 + x.shape[-2], 5 : 5 + x.shape[-1]]
    if skips == 1:
        return bilinear(x, 16)[..., 27 : 27 + height, 27 : 27 + width]
    x = bilinear(x, 2)
    x = x + model.score[2](pools[2])[..., 9 : 9 + x.shape[-2], 9 : 9 + x.shape[-1]]
    return bilinear(x, 8)[..., 31 : 31 + height, 31 : 31 + width]


@pytest.mark.parametrize("skips", [0, 1, 2])
@pytest.mark.parametrize("size", [(64, 97), (33, 40)])
def test_s8_the_networks_are_the_published_graphs(skips, size):
    classifier = tiny_vgg()
    model = filled(FCN(classifier, 5, skips, padding=100))
    image = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_close(model(image), published_fcn(model, classifier, image, skips))


@pytest.mark.parametrize("input_size", [64, 96, 224])
@pytest.mark.parametrize("skips", [0, 1, 2])
def test_s2_course_sizes_keep_the_images_size_with_the_smallest_padding(input_size, skips):
    model = filled(FCN(tiny_vgg(input_size), 3, skips))
    for height, width in ((64, 64), (65, 50), (33, 97)):
        with torch.no_grad():
            scores = model(torch.randn(1, 3, height, width, dtype=torch.float64))
        assert scores.shape == (1, 3, height, width)
        assert (scores != 0).all()  # every pixel lies under some tent


def test_s8_scores_stand_where_they_look():
    """An image moved by one stride moves the scores by one stride: nothing else fixes where a cell belongs."""
    model = filled(FCN(tiny_vgg(64), 2, 2, padding=64))
    image = torch.zeros(1, 3, 160, 160, dtype=torch.float64)
    image[..., 40:56, 60:90] = 3
    moved = image.roll((32, 32), (-2, -1))
    with torch.no_grad():
        base = model(torch.zeros_like(image))
        here, there = model(image) - base, model(moved) - base
    assert here.abs().max() > 1e-6
    assert_close(there[..., 64:112, 64:128], here[..., 32:80, 32:96])
    stride, start = cell_position([*model.trunk, *model.head])
    assert (stride, start) == (32, 32 * 0.5 + 15.5 - 63)


def test_s9_32s_fixed_trains_the_scores_alone():
    model = fix_all_but_score(FCN(tiny_vgg(64), 3, padding=64))
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert trained == ["score.0.weight", "score.0.bias"]
    assert (
        fix_all_but_score(FCN(tiny_vgg(64), 3, upsampling="dense")).upsample[0].weight.requires_grad is False
    )


def test_learned_upsampling_learns_and_dense_is_the_same_map_at_first():
    classifier, image = tiny_vgg(64), torch.randn(1, 3, 64, 64, dtype=torch.float64)
    outputs = []
    for upsampling in ("fixed", "per_class", "dense"):
        model = filled(FCN(classifier, 3, 1, upsampling=upsampling))
        outputs.append(model(image))
        outputs[-1].sum().backward()
        learned = [p for p in model.upsample.parameters()]
        assert len(learned) == (0 if upsampling == "fixed" else 2)
        assert all(p.grad.abs().sum() > 0 for p in learned)
    assert_close(outputs[1], outputs[0])
    assert_close(outputs[2], outputs[0])


def test_the_classifier_is_left_alone_and_wrong_settings_are_named():
    classifier = tiny_vgg(64)
    FCN(classifier, 3, 2, padding=100)
    assert classifier.features[0].padding == (1, 1) and not classifier.features[4].ceil_mode
    with pytest.raises(ValueError, match="81 at least"):
        FCN(tiny_vgg(), 3, padding=10)
    with pytest.raises(ValueError, match=r"upsampling must be one of 'fixed', .*, not 'nearest'"):
        FCN(classifier, 3, upsampling="nearest")
    with pytest.raises(ValueError, match=r"upsampling must be one of 'fixed', .*, not 'per class'"):
        Upsample(3, 2, "per class")
    with pytest.raises(ValueError, match="reads 1 x 1"):
        FCN(tiny_vgg(32), 3)
    with pytest.raises(ValueError, match="32 x 70 pixels are too small"):
        FCN(classifier.float(), 3)(torch.zeros(1, 3, 32, 70))
    with pytest.raises(ValueError, match="empty"):
        FCN(classifier, 3)(torch.zeros(1, 3, 0, 5))


def test_the_loss_sums_over_pixels_that_are_not_void():
    scores = torch.randn(2, 4, 3, 5, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 4, (2, 3, 5), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    target[0, 1] = 255
    expected, count = 0, 0
    for b, y, x in (target != 255).nonzero().tolist():
        expected = expected - scores[b, :, y, x].log_softmax(0)[int(target[b, y, x])]
        count += 1
    assert_close(segmentation_loss(scores, target), expected)
    assert_close(segmentation_loss(scores, target, normalize=True), expected / count)
    nothing = segmentation_loss(scores, torch.full_like(target, 255), normalize=True)
    assert nothing == 0
    target[1, 0, 0] = 9
    with pytest.raises(ValueError, match=r"image 1: class 9 is outside 0\.\.3"):
        segmentation_loss(scores, target)
    with pytest.raises(ValueError, match="targets"):
        segmentation_loss(scores, target[:, :2])


def test_s9_the_loss_of_a_million_pixels_is_that_of_float64():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(1, 2, 1000, 1000, generator=generator)
    target = torch.randint(2, (1, 1000, 1000), generator=generator)
    expected = segmentation_loss(scores.double(), target)
    assert_close(segmentation_loss(scores, target).double(), expected, rtol=1e-6, atol=0)
