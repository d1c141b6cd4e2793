"""Networks, weights and metrics take their device from what they are given."""

import copy

import pytest
import torch
import torch.nn.functional as F

from cnncourse.classification import alexnet, cifar_resnet, googlenet, resnet, vgg, zfnet
from cnncourse.classification.identity import deepen
from cnncourse.classification.layers import Conv
from cnncourse.classification.metrics import top_k_error
from cnncourse.classification.profile import profile, total
from cnncourse.classification.vgg import STAGES
from cnncourse.classification.weights import load_state_dict

SMALL = {"width": 0.1, "input_size": 32, "classes": 10}
NETWORKS = {
    "alexnet": lambda: alexnet(stem=Conv(96, 5, 1, 2), dropout=0.0, **SMALL),
    "zfnet": lambda: zfnet(stem=Conv(96, 5, 1, 2), dropout=0.0, **SMALL),
    "vgg": lambda: vgg(
        STAGES[11][:2], batch_norm=True, dropout=0.0, hidden=(16,), **SMALL | {"input_size": 16}
    ),
    "googlenet": lambda: googlenet(stem="small", dropout=0.0, **SMALL),
    "googlenet_torchvision": lambda: googlenet(
        "torchvision", stem="small", rescale_input=True, dropout=0.0, **SMALL
    ),
    "resnet50": lambda: resnet(50, stem="small", **SMALL),
    "cifar_resnet": lambda: cifar_resnet(8),
    "cifar_plain": lambda: cifar_resnet(8, residual=False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_forward_and_backward_on_a_device_are_those_of_the_cpu(name, device):
    torch.manual_seed(0)
    on_cpu = NETWORKS[name]()
    there = copy.deepcopy(on_cpu).to(device)
    size = 32 if name in ("alexnet", "zfnet") else 16
    images, labels = torch.rand(4, 3, size, size), torch.arange(4)
    expected = F.cross_entropy(on_cpu(images), labels)
    loss = F.cross_entropy(there(images.to(device)), labels.to(device))
    assert loss.device.type == device.type
    torch.testing.assert_close(loss.detach().cpu(), expected.detach(), rtol=1e-4, atol=1e-5)
    expected.backward()
    loss.backward()
    first = next(on_cpu.parameters()).grad
    torch.testing.assert_close(
        next(there.parameters()).grad.cpu(), first, rtol=1e-2, atol=1e-4 * first.abs().max()
    )


def test_auxiliary_heads_run_on_a_device(device):
    model = googlenet(stem="small", aux=True, **SMALL).to(device)
    outputs = model(torch.rand(2, 3, 32, 32).to(device))
    assert all(out.device.type == device.type for out in outputs)


def test_profile_of_a_network_on_a_device(device):
    model = cifar_resnet(8)
    expected = total(profile(model))
    assert total(profile(model.to(device))) == expected


def test_weights_of_the_cpu_are_loaded_into_a_network_on_a_device(device):
    source, there = cifar_resnet(8), cifar_resnet(8).to(device)
    load_state_dict(there, source.state_dict())
    assert there.fc.weight.device.type == device.type
    assert torch.equal(there.fc.weight.detach().cpu(), source.fc.weight.detach())


@pytest.mark.parametrize("residual", [True, False])
def test_deepening_on_a_device(residual, device):
    shallow, deep = (cifar_resnet(depth, residual=residual).to(device).eval() for depth in (8, 14))
    deepen(shallow, deep)
    images = torch.rand(2, 3, 16, 16).to(device)
    torch.testing.assert_close(
        deep(images).detach().cpu(), shallow(images).detach().cpu(), rtol=1e-4, atol=1e-4
    )


def test_error_of_scores_on_a_device(device):
    scores = torch.eye(4).to(device)
    assert top_k_error(scores, torch.tensor([0, 1, 3, 2]).to(device)) == 0.5
