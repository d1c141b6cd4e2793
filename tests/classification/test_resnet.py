"""Residual and plain blocks and networks, shortcuts (A10)."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnncourse.classification.profile import profile
from cnncourse.classification.resnet import (
    SHORTCUTS,
    BasicBlock,
    Bottleneck,
    cifar_resnet,
    make_shortcut,
    padding_shortcut,
    resnet,
)

sys.path.insert(0, str(Path(__file__).parent))
from random_blocks import inputs, randomise


def copy_weights(theirs: nn.Module, ours: nn.Module) -> None:
    theirs.load_state_dict(ours.state_dict())


@pytest.mark.parametrize("in_channels, stride", [(8, 1), (4, 1), (8, 2), (4, 2)])
def test_basic_block_is_torchvisions(in_channels, stride):
    ours = randomise(BasicBlock(in_channels, 8, stride))
    downsample = (
        None
        if isinstance(ours.downsample, nn.Identity)
        else make_shortcut("projection", in_channels, 8, stride)
    )
    theirs = torchvision.models.resnet.BasicBlock(in_channels, 8, stride, downsample).double().eval()
    copy_weights(theirs, ours)
    x = inputs(in_channels)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("in_channels, stride", [(16, 1), (4, 1), (16, 2), (4, 2)])
def test_bottleneck_with_its_stride_in_the_3x3_is_torchvisions(in_channels, stride):
    ours = randomise(Bottleneck(in_channels, 4, stride, stride_in="3x3"))
    downsample = (
        None
        if isinstance(ours.downsample, nn.Identity)
        else make_shortcut("projection", in_channels, 16, stride)
    )
    theirs = torchvision.models.resnet.Bottleneck(in_channels, 4, stride, downsample).double().eval()
    copy_weights(theirs, ours)
    x = inputs(in_channels)
    torch.testing.assert_close(ours(x), theirs(x))


def test_bottleneck_with_its_stride_in_the_1x1_drops_positions_first():
    block = randomise(Bottleneck(4, 4, stride=2))
    assert [block.conv1.stride, block.conv2.stride] == [(2, 2), (1, 1)]
    x = inputs(4)
    # A 1x1 convolution at stride 2 sees every other position, and the whole block sees nothing else.
    changed = x.clone()
    changed[:, :, 1::2] = 9
    changed[:, :, :, 1::2] = 9
    torch.testing.assert_close(block(x), block(changed))
    at_three = Bottleneck(4, 4, stride=2, stride_in="3x3")
    at_three.load_state_dict(block.state_dict())
    randomise(at_three)
    assert not torch.allclose(at_three(x), at_three(changed))


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_plain_block_is_the_residual_one_without_its_addition(block):
    channels = 4 * block.expansion
    residual = randomise(block(channels, 4))
    plain = block(channels, 4, residual=False).double().eval()
    plain.load_state_dict(residual.state_dict())
    x = inputs(channels)
    # relu(r + x) and relu(r): where both are positive they differ by x.
    with_x, without = residual(x), plain(x)
    assert ((without > 0).any()) and torch.allclose(with_x[without > 0], (without + x)[without > 0])
    assert not torch.allclose(with_x, without)


@pytest.mark.parametrize("size, stride", [(6, 2), (7, 2), (5, 3), (4, 1)])
def test_padding_shortcut_keeps_every_other_position_and_adds_zero_channels(size, stride):
    x = torch.rand(2, 3, size, size)
    out = padding_shortcut(x, 5, stride)
    side = -(-size // stride)
    assert out.shape == (2, 5, side, side) and not out[:, 3:].any()
    for row in range(side):
        for column in range(side):
            assert torch.equal(out[:, :3, row, column], x[:, :, row * stride, column * stride])


def test_kinds_of_shortcuts():
    assert isinstance(make_shortcut("padding", 4, 4, 1), nn.Identity)
    assert isinstance(make_shortcut("projection", 4, 4, 1), nn.Identity)
    assert len(list(make_shortcut("all projections", 4, 4, 1).parameters())) == 3  # weight, gain, shift
    assert not list(make_shortcut("padding", 4, 8, 2).parameters())
    with pytest.raises(ValueError, match="shortcut='zero'"):
        make_shortcut("zero", 4, 4, 1)


@pytest.mark.parametrize("shortcut", ["padding", "projection", "all projections"])
@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
def test_every_shortcut_fits_its_block_and_is_added(block, shortcut):
    ours = randomise(block(4, 4, 2, shortcut))
    x = inputs(4)
    last = ours.bn2 if block is BasicBlock else ours.bn3
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    torch.testing.assert_close(ours(x), F.relu(ours.downsample(x)))


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_cifar_network_has_6n_plus_2_layers_and_halves_twice(depth):
    with torch.device("meta"):
        model = cifar_resnet(depth)
    rows = [row for row in profile(model) if isinstance(row.module, nn.Conv2d | nn.Linear)]
    assert len(rows) == depth
    shapes = [row.output for row in rows]
    n = (depth - 2) // 6
    assert shapes == [(16, 32, 32)] * (2 * n + 1) + [(32, 16, 16)] * 2 * n + [(64, 8, 8)] * 2 * n + [(10,)]


def test_depths_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="6n"):
        cifar_resnet(21)
    with pytest.raises(ValueError, match="depth=51"):
        resnet(51)


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("build", [resnet, cifar_resnet])
def test_options_that_do_not_exist_are_refused(build, residual):
    """In a plain network, too, which has no shortcuts."""
    depth = {resnet: 18, cifar_resnet: 8}[build]
    with torch.device("meta"):
        with pytest.raises(ValueError, match=r"shortcut='zero': .*padding.*projection.*all projections"):
            build(depth, shortcut="zero", residual=residual)
        with pytest.raises(ValueError, match=r"stem='large': .*imagenet.*small"):
            build(depth, stem="large", residual=residual)


@pytest.mark.parametrize("depth", [18, 50])
def test_variants_that_do_not_exist_are_refused(depth):
    with pytest.raises(ValueError, match=r"variant='papper': .*variants paper, torchvision"):
        resnet(depth, "papper")
    with pytest.raises(ValueError, match=r"stride_in='2x2': .*1x1.*3x3"):
        Bottleneck(8, 2, stride_in="2x2")


@pytest.mark.parametrize("kind", SHORTCUTS)
def test_every_kind_of_shortcut_is_made(kind):
    assert isinstance(make_shortcut(kind, 4, 8, 2), nn.Module)


def test_small_network_for_imagenets_class():
    model = resnet(50, width=1 / 8, stem="small", classes=10, input_size=32)
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)
