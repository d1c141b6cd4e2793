"""Architectures drawn from their own tables (A2, A7-A11)."""

import pytest
import torch
from torch import nn

from cnncourse.classification import NETWORKS, cifar_resnet, googlenet, resnet, vgg
from cnncourse.classification.googlenet import MODULES, Inception
from cnncourse.classification.profile import profile, total
from cnncourse.classification.resnet import BasicBlock, Bottleneck
from cnncourse.visualize.architecture import architecture_figure, block_figure, paths, units


def on_meta(build, *args, **options):
    with torch.device("meta"):
        return build(*args, **options)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


@pytest.mark.parametrize("name", ["alexnet", "zfnet", "vgg16_bn", "googlenet", "resnet50", "cifar_plain20"])
def test_the_boxes_hold_all_parameters_and_products(name):
    model = on_meta(NETWORKS[name])
    boxes = units(model)
    sums = sum(box.parameters for box in boxes), sum(box.multiply_accumulates for box in boxes)
    assert sums == total(profile(model))


def test_vgg16_is_five_stages_and_three_fully_connected_layers():
    found = [(box.count, box.label, box.output) for box in units(on_meta(vgg, 16))]
    assert found[:4] == [
        (2, "conv 3×3, 64", (64, 224, 224)),
        (1, "max pooling 2×2, /2", (64, 112, 112)),
        (2, "conv 3×3, 128", (128, 112, 112)),
        (1, "max pooling 2×2, /2", (128, 56, 56)),
    ]
    assert [count for count, label, _ in found if "conv" in label] == [2, 2, 3, 3, 3]
    assert found[-2:] == [(2, "fully connected, 4,096", (4096,)), (1, "fully connected, 1,000", (1000,))]


def test_residual_blocks_have_shortcuts_and_plain_ones_have_none():
    boxes = [box for box in units(on_meta(resnet, 50)) if box.kind == "block"]
    assert [(box.count, box.label) for box in boxes] == [
        (3, "bottleneck, 256"),
        (4, "bottleneck, 512"),
        (6, "bottleneck, 1024"),
        (3, "bottleneck, 2048"),
    ]
    assert all(box.shortcut for box in boxes)
    plain = [box for box in units(on_meta(cifar_resnet, 20, residual=False)) if box.kind == "block"]
    assert [box.label for box in plain] == [f"plain basic block, {channels}" for channels in (16, 32, 64)]
    assert not any(box.shortcut for box in plain)


def test_googlenets_modules_give_their_stacked_channels():
    found = [(box.count, box.output) for box in units(on_meta(googlenet)) if box.kind == "block"]
    assert found == [
        *[(1, (256, 28, 28)), (1, (480, 28, 28)), (3, (512, 14, 14)), (1, (528, 14, 14)), (1, (832, 14, 14))],
        *[(1, (832, 7, 7)), (1, (1024, 7, 7))],
    ]


def test_figure_shows_every_box_its_size_and_the_totals():
    model = on_meta(resnet, 18)
    network, weights, products = architecture_figure(model, "ResNet-18").axes
    assert network.get_title(loc="left") == "ResNet-18" and texts(network)[0] == "image 224×224×3"
    assert texts(network)[1::2] == [
        *["conv 7×7, 64, /2", "max pooling 3×3, /2", "2 × basic block, 64", "2 × basic block, 128"],
        *["2 × basic block, 256", "2 × basic block, 512", "global average pooling", "fully connected, 1,000"],
    ]
    assert texts(network)[2::2][:2] == ["112×112×64", "56×56×64"]
    assert weights.get_title() == "11.7 M\nparameters" and products.get_title().startswith("1.81 G\n")
    shares = [bar.get_width() for bar in weights.patches]
    assert sum(shares) == sum(p.numel() for p in model.parameters())


def test_branches_of_the_inception_module():
    reduced, naive = (Inception(192, MODULES["3a"], reduction) for reduction in (True, False))
    assert paths(reduced)[0] == [
        ["conv 1×1, 64\nReLU"],
        ["conv 1×1, 96\nReLU", "conv 3×3, 128\nReLU"],
        ["conv 1×1, 16\nReLU", "conv 5×5, 32\nReLU"],
        ["max pooling 3×3", "conv 1×1, 32\nReLU"],
    ]
    assert [len(branch) for branch in paths(naive)[0]] == [1, 1, 1, 1]


def test_branches_of_residual_and_plain_blocks():
    assert paths(Bottleneck(256, 64)) == (
        [
            ["conv 1×1, 64\nbatch norm, ReLU", "conv 3×3, 64\nbatch norm, ReLU", "conv 1×1, 256\nbatch norm"],
            ["identity"],
        ],
        "add, ReLU",
    )
    assert paths(BasicBlock(64, 128, 2))[0][1] == ["conv 1×1, 128, /2\nbatch norm"]
    assert paths(BasicBlock(64, 128, 2, "padding"))[0][1] == ["1 in 2 positions,\nzeros up to 128"]
    plain, join = paths(BasicBlock(64, 64, residual=False))
    assert len(plain) == 1 and join == "ReLU"
    with pytest.raises(TypeError, match="Linear"):
        paths(nn.Linear(1, 1))


def test_block_figure_shows_every_label():
    block = Inception(192, MODULES["3a"])
    (ax,) = block_figure(block, "3a").axes
    labels = [label for branch in paths(block)[0] for label in branch]
    assert sorted(texts(ax)) == sorted([*labels, "input", "stack channels"])
