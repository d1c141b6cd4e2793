"""The pretend device computes what the CPU does and refuses what CUDA refuses; run on CUDA, so does CUDA."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)


@pytest.fixture
def elsewhere(request):
    """The device that is not the CPU."""
    return torch.device("cuda" if request.config.getoption("--device") == "cuda" else "pretend", 0)


class Doubled(torch.autograd.Function):
    """y = 2x with a gradient that tells it is ours: 3 instead of 2."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * x

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return 3 * gradient + 0 * x


class SmallNetwork(nn.Module):
    """Convolution, batch norm, pooling and unpooling by positions, dropout of nothing, a custom function."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 4, 2, stride=2)
        self.last = nn.Linear(4 * 8 * 8, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)), inplace=True)
        pooled, positions = F.max_pool2d(x, 2, return_indices=True)
        x = F.max_unpool2d(Doubled.apply(pooled), positions, 2)
        x = F.interpolate(self.up(x), scale_factor=0.5, mode="bilinear", align_corners=False)
        return self.last(F.dropout(x.flatten(1), 0.0))


def trained(device, make_optimizer):
    torch.manual_seed(0)
    images, labels = torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2, 3, 4, 0])
    network = SmallNetwork().to(device)
    optimizer = make_optimizer(network.parameters())
    for _ in range(3):
        loss = F.cross_entropy(network(images.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    return network, loss.item()


OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=1e-4),
    "Adam": lambda parameters: torch.optim.Adam(parameters, 1e-2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_a_network_gives_what_it_gives_on_the_cpu(elsewhere, name):
    expected, expected_loss = trained("cpu", OPTIMIZERS[name])
    network, loss = trained(elsewhere, OPTIMIZERS[name])
    tolerance = 0 if elsewhere.type == "pretend" else 1e-3
    assert loss == pytest.approx(expected_loss, rel=tolerance)
    for (key, got), want in zip(network.state_dict().items(), expected.state_dict().values(), strict=True):
        assert got.device == elsewhere, key
        torch.testing.assert_close(got.cpu(), want, rtol=tolerance, atol=tolerance)


MAKERS = {
    "empty": lambda **k: torch.empty(2, 3, **k).fill_(7),
    "zeros": lambda **k: torch.zeros(2, 3, **k),
    "ones": lambda **k: torch.ones(2, dtype=torch.int64, **k),
    "full": lambda **k: torch.full((2, 2), 7.5, **k),
    "arange": lambda **k: torch.arange(5, **k),
    "arange with a start": lambda **k: torch.arange(2, 9, **k),
    "arange with a step": lambda **k: torch.arange(1, 9, 2.5, **k),
    "linspace": lambda **k: torch.linspace(0, 1, 5, **k),
    "logspace": lambda **k: torch.logspace(0, 1, 3, **k),
    "eye": lambda **k: torch.eye(3, **k),
    "eye that is not square": lambda **k: torch.eye(2, 3, **k),
    "tensor": lambda **k: torch.tensor([[1, 2], [3, 4]], **k),
    "as_tensor": lambda **k: torch.as_tensor(np.arange(3.0), **k),
    "scalar": lambda **k: torch.tensor(2.5, **k),
    "tril_indices": lambda **k: torch.tril_indices(3, 3, **k),
    "zeros_like": lambda **k: torch.zeros_like(torch.ones(2, 3), **k),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_factory_makes_on_the_device_what_it_makes_on_the_cpu(elsewhere, name):
    expected, got = MAKERS[name](), MAKERS[name](device=elsewhere)
    assert got.device == elsewhere
    assert (got.shape, got.dtype, got.stride()) == (expected.shape, expected.dtype, expected.stride())
    assert torch.equal(got.cpu(), expected)


def test_random_numbers_have_the_device_and_the_shape(elsewhere):
    for x in (
        torch.rand(4, device=elsewhere),
        torch.randn(4, device=elsewhere),
        torch.randperm(4, device=elsewhere),
    ):
        assert x.device == elsewhere and x.shape == (4,)


def forgotten_arange(x):
    return x * torch.arange(x.shape[1])


def remembered_arange(x):
    return x * torch.arange(x.shape[1], device=x.device)


def test_a_forgotten_device_is_caught(elsewhere):
    x = torch.ones(2, 3)
    assert torch.equal(forgotten_arange(x), remembered_arange(x))
    assert torch.equal(remembered_arange(x.to(elsewhere)).cpu(), remembered_arange(x))
    with pytest.raises(RuntimeError, match="same device"):
        forgotten_arange(x.to(elsewhere))


def test_a_network_that_stayed_behind_is_caught(elsewhere):
    with pytest.raises(RuntimeError):
        nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 8, 8, device=elsewhere))


MIXTURES = {
    "add": lambda here, there: there + here,
    "add, the other way round": lambda here, there: here + there,
    "add in place": lambda here, there: there.add_(here),
    "matmul": lambda here, there: there @ here.T,
    "cat": lambda here, there: torch.cat([there, here]),
    "where": lambda here, there: torch.where(there > 0, there, here),
    "compare": lambda here, there: there == here,
    "gather": lambda here, there: there.gather(1, here.long()),
    "index_select": lambda here, there: there.index_select(0, here[0].long()),
    "assignment of a CPU tensor by a mask": lambda here, there: there.__setitem__(there > 0, here.flatten()),
    "CPU tensor indexed from elsewhere": lambda here, there: here[there.long()[0]],
    "a running total on the CPU": lambda here, there: torch.tensor(0.0).add_(there.sum()),
    "torch.stack": lambda here, there: torch.stack([here, there]),
}


@pytest.mark.parametrize("name", MIXTURES)
def test_mixed_devices_are_an_error(elsewhere, name):
    here = torch.ones(2, 2)
    with pytest.raises((RuntimeError, IndexError)):
        MIXTURES[name](here, here.to(elsewhere))


def test_what_cuda_allows_to_mix_is_allowed(elsewhere):
    x = torch.arange(6.0, device=elsewhere).reshape(2, 3)
    assert (x + torch.tensor(1.0)).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert x[torch.tensor([1])].tolist() == [[3, 4, 5]]
    assert x[range(2), torch.tensor([0, 2])].tolist() == [0, 5]
    assert x[np.array([1, 0])].tolist() == [[3, 4, 5], [0, 1, 2]]
    x[torch.tensor([0])] = 9.0
    assert x.tolist() == [[9, 9, 9], [3, 4, 5]]
    x.copy_(torch.zeros(2, 3))
    x[0, 0] = torch.tensor(5)
    assert x.tolist() == [[5, 0, 0], [0, 0, 0]]


def test_a_cpu_generator_cannot_draw_on_the_device(elsewhere):
    with pytest.raises(RuntimeError, match="generator"):
        torch.rand(3, device=elsewhere, generator=torch.Generator())


def test_numpy_has_to_be_asked_for_by_way_of_the_cpu(elsewhere):
    x = torch.ones(3, device=elsewhere)
    with pytest.raises(TypeError, match="numpy"):
        x.numpy()
    with pytest.raises(TypeError, match="numpy"):
        np.asarray(x)
    assert x.cpu().numpy().sum() == 3
    assert torch.from_numpy(np.ones(3)).to(elsewhere).device == elsewhere


def test_views_share_their_memory(elsewhere):
    x = torch.zeros(4, 6, device=elsewhere)
    x.T[1:3].view(2, 4).add_(1)
    x[0] = 2
    x[:, 5] += 3
    expected = torch.zeros(4, 6)
    expected[:, 1:3] = 1
    expected[0] = 2
    expected[:, 5] += 3
    assert torch.equal(x.cpu(), expected)
    assert x.T.stride() == expected.T.stride()
    x.squeeze_().t_()
    assert x.shape == (6, 4)


def test_moving_copying_and_asking_give_plain_answers(elsewhere):
    x = torch.arange(3.0).to(elsewhere)
    assert x.to(elsewhere) is x
    assert (
        x.cpu().device.type == "cpu" and x.double().device == elsewhere and x.double().dtype == torch.float64
    )
    assert x.sum().item() == 3 and bool((x >= 0).all()) and int(x[2]) == 2
    assert x.new_zeros(2).device == torch.ones_like(x).device == elsewhere
    assert "2." in repr(x) and elsewhere.type in repr(x)
    network = nn.Linear(2, 2).to(elsewhere)
    assert copy.deepcopy(network).weight.device == elsewhere
    network.load_state_dict({"weight": torch.eye(2), "bias": torch.zeros(2)})
    assert network.cpu()(torch.ones(1, 2)).tolist() == [[1, 1]]


def test_gradients_flow_between_devices(elsewhere):
    x = torch.arange(3.0, requires_grad=True)
    (x.to(elsewhere) ** 2).sum().cpu().backward()
    assert x.grad.tolist() == [0, 2, 4] and x.grad.device.type == "cpu"


def test_a_test_of_devices_sees_the_cpu_and_another_one(device, request):
    assert torch.ones(1, device=device).device == device
    assert (device.type == "cpu") == ("cpu" in request.node.callspec.id)
