"""Everything takes its device from its inputs: the answers on another device are those on the CPU."""

import copy

import pytest
import torch
from torch.testing import assert_close

from cnncourse.classification.vgg import vgg
from cnncourse.segmentation import metrics, upsampling
from cnncourse.segmentation.encoder_decoder import UNet, UnpoolingNet
from cnncourse.segmentation.fcn import FCN, segmentation_loss

X = torch.rand(1, 2, 4, 6, generator=torch.Generator().manual_seed(0))
WEIGHT = torch.rand(2, 3, 3, 3, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (upsampling.nearest_upsample, (X, 2)),
        (upsampling.bed_of_nails_upsample, (X, 2)),
        (upsampling.bilinear_upsample, (X, 3)),
        (upsampling.max_pool_with_positions, (X, 2)),
        (upsampling.max_unpool, (*upsampling.max_pool_with_positions(X, 2), (4, 6))),
        (upsampling.conv_transpose2d_scatter, (X, WEIGHT, 2, 1, 1)),
        (upsampling.conv_transpose2d_matrix, (X, WEIGHT, 2, 1, 1)),
        (upsampling.conv_transpose2d_backward, (X, WEIGHT, 2, 1, 1)),
        (upsampling.conv_transpose1d_scatter, (X[..., 0], WEIGHT[..., 0], 2, 1, 1)),
        (upsampling.conv_transpose1d_matrix, (X[..., 0], WEIGHT[..., 0], 2, 1, 1)),
        (upsampling.conv_transpose1d_backward, (X[..., 0], WEIGHT[..., 0], 2, 1, 1)),
        (upsampling.dilated_conv2d, (X, WEIGHT.transpose(0, 1), 2, 1, 2)),
        (segmentation_loss, (X, torch.tensor([[[0, 1, 255, 0, 1, 1]] * 4]))),
    ],
)
def test_functions(function, args, device):
    expected = function(*args)
    found = function(*(a.to(device) if isinstance(a, torch.Tensor) else a for a in args))
    for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (found, expected)), strict=True):
        assert a.device.type == device.type
        assert_close(a.cpu(), b)


def test_metrics(device):
    labels = torch.tensor([0, 1, 2, 2, 255]), torch.tensor([0, 1, 1, 2, 255])
    matrix = metrics.confusion_matrix(labels[0].clamp(max=2).to(device), labels[1].to(device), 4)
    on_cpu = metrics.confusion_matrix(labels[0].clamp(max=2), labels[1], 4)
    assert matrix.device.type == device.type and torch.equal(matrix.cpu(), on_cpu)
    for name in ("pixel_accuracy", "mean_accuracy", "mean_iu", "frequency_weighted_iu"):
        assert_close(getattr(metrics, name)(matrix).cpu(), getattr(metrics, name)(on_cpu))


@pytest.mark.parametrize(
    "build",
    [
        lambda: FCN(
            vgg(11, width=1 / 16, hidden=(8,), classes=5, input_size=64), 3, 2, upsampling="per_class"
        ),
        lambda: FCN(vgg(11, width=1 / 16, hidden=(8,), classes=5, input_size=64), 3),
        lambda: UnpoolingNet(((4, 1), (6, 1)), 3),
        lambda: UNet(3, (4, 6), padding=1),
    ],
)
def test_networks(build, device):
    torch.manual_seed(0)
    model, images = build().eval(), torch.rand(1, 3, 64, 48)
    there = copy.deepcopy(model).to(device)
    scores = there(images.to(device))
    assert scores.device.type == device.type
    assert_close(scores.detach().cpu(), model(images).detach(), rtol=1e-3, atol=1e-5)
    segmentation_loss(scores, torch.zeros(1, 64, 48, dtype=int, device="cpu").to(device)).backward()
    assert any(p.grad is not None and p.grad.device.type == device.type for p in there.parameters())
