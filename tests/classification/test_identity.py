"""Blocks and networks that compute nothing new by construction (A10)."""

import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from cnncourse.classification.identity import deepen, identity_kernel, make_identity
from cnncourse.classification.resnet import BasicBlock, Bottleneck, ResNet, cifar_resnet

sys.path.insert(0, str(Path(__file__).parent))
from random_blocks import inputs, randomise


def test_identity_kernel_changes_nothing():
    x = torch.randn(2, 5, 6, 6)
    for kernel in (1, 3, 5):
        assert torch.equal(F.conv2d(x, identity_kernel(5, kernel), padding=kernel // 2), x)


@pytest.mark.parametrize("residual", [True, False])
def test_basic_block_can_be_made_the_identity(residual):
    block = randomise(BasicBlock(6, 6, residual=residual))
    x = inputs(6)
    assert not torch.allclose(block(x), x)
    make_identity(block)
    torch.testing.assert_close(block(x), x)
    if residual:  # in training, too
        torch.testing.assert_close(block.train()(x), x)


def test_bottleneck_can_be_made_the_identity_if_residual():
    block = randomise(Bottleneck(16, 4))
    make_identity(block)
    torch.testing.assert_close(block(inputs(16)), inputs(16))
    with pytest.raises(ValueError, match="plain block"):
        make_identity(Bottleneck(16, 4, residual=False))
    with pytest.raises(ValueError, match="changes the shape"):
        make_identity(BasicBlock(4, 8, 2))
    with pytest.raises(ValueError, match="has a stride"):
        make_identity(BasicBlock(4, 4, 2, residual=False))
    with pytest.raises(ValueError, match="channels inside"):
        make_identity(BasicBlock(4, 8, residual=False))


@pytest.mark.parametrize("residual", [True, False])
def test_deeper_network_by_construction_computes_the_same(residual):
    shallow = randomise(cifar_resnet(8, residual=residual), seed=1)
    deep = randomise(cifar_resnet(26, residual=residual), seed=2)
    images = inputs(3, 16)
    assert not torch.allclose(shallow(images), deep(images))
    deepen(shallow, deep)
    torch.testing.assert_close(shallow(images), deep(images))
    if residual:
        assert torch.equal(shallow(images), deep(images))


def test_deepening_refuses_fewer_blocks_or_other_stages():
    with pytest.raises(ValueError, match="layer1 has 1 blocks, too few for 2"):
        deepen(cifar_resnet(14), cifar_resnet(8))
    with pytest.raises(ValueError, match="3 stages cannot become 2"):
        deepen(cifar_resnet(8), ResNet(BasicBlock, [1, 1], 16, "small"))


def test_a_silent_block_keeps_its_other_weights():
    block = randomise(BasicBlock(6, 6))
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    make_identity(block)
    changed = {name for name, tensor in block.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"bn2.weight", "bn2.bias"}
