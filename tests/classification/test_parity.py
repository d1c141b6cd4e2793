"""Weight for weight against torchvision: the same state dict, the same outputs (A2, A8-A10)."""

from functools import lru_cache

import pytest
import torch
import torchvision
from torch import Tensor, nn

from cnncourse.classification import alexnet, googlenet, resnet, vgg
from cnncourse.classification.weights import load_state_dict

# Ours, torchvision's, and the smallest input that leaves both something to do.
NETWORKS = {
    "alexnet": (lambda: alexnet("torchvision"), 127),
    **{f"vgg{depth}": (lambda depth=depth: vgg(depth), 64) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": (lambda depth=depth: vgg(depth, batch_norm=True), 64) for depth in (11, 13, 16, 19)},
    "googlenet": (lambda: googlenet("torchvision", aux=True, dropout=0.2), 96),
    **{
        f"resnet{depth}": (lambda depth=depth: resnet(depth, "torchvision"), 64)
        for depth in (18, 34, 50, 101, 152)
    },
}
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def weights(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    """Weights that keep the size of the signal."""
    fan_in = torch.Size(shape[1:]).numel()
    draw = torch.rand(shape, generator=torch.Generator().manual_seed(seed))
    return draw.mul_(2).sub_(1).mul_((6 / fan_in) ** 0.5).to(dtype)


large_weights = lru_cache(weights)  # VGG's fully connected layers, drawn once for all depths


@pytest.fixture(autouse=True, scope="module")
def forget_weights():
    yield
    large_weights.cache_clear()  # two gigabytes


def random_state(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """A state dict for a model on the meta device; batch normalisation's statistics and gains are random, too."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for number, (name, tensor) in enumerate(model.state_dict().items()):
        draw = torch.rand(tensor.shape, generator=generator) if tensor.dim() < 2 else None
        if tensor.dim() >= 2:  # every layer has weights of its own, or a swap would not be seen
            large = tensor.numel() > 10_000_000
            state[name] = (
                large_weights(tuple(tensor.shape), dtype, 0)
                if large
                else weights(tuple(tensor.shape), dtype, number)
            )
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(3)
        elif name.endswith(("running_var", "weight")):
            state[name] = (0.5 + draw).to(dtype)
        else:
            state[name] = (draw - 0.5).to(dtype)
    return state


def theirs_and_ours(name: str, dtype: torch.dtype, **options) -> tuple[nn.Module, nn.Module]:
    build, _ = NETWORKS[name]
    if name == "googlenet":
        options |= {"init_weights": False, "aux_logits": True}
    with torch.device("meta"):
        their, our = getattr(torchvision.models, name)(**options), build()
    state = random_state(their, dtype)
    their.load_state_dict(state, assign=True)
    if dtype == torch.float32:
        our = our.to_empty(device="cpu")
        load_state_dict(our, their.state_dict())
    else:  # the names have been compared in float32: share the numbers, which are many
        our.load_state_dict(
            {key: tensor.clone() if tensor.dim() < 2 else tensor for key, tensor in state.items()},
            assign=True,
        )
    return their, our


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    """Equal to the tolerance, relative to the size of the outputs, which must depend on the image."""
    scale = theirs.abs().max()
    assert (theirs[0] - theirs[1]).abs().max() > 1e-3 * scale
    assert (ours - theirs).abs().max() <= TOLERANCE[theirs.dtype] * scale


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_torchvisions(name, dtype):
    theirs, ours = theirs_and_ours(name, dtype)
    size = NETWORKS[name][1]
    images = torch.rand(2, 3, size, size, dtype=dtype, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert_same(ours.eval()(images), theirs.eval()(images))


def test_googlenet_rescales_images_as_torchvision_does_for_its_published_weights():
    theirs, ours = theirs_and_ours("googlenet", torch.float32, transform_input=True)
    ours.rescale_input = True
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert_same(ours.eval()(images), theirs.eval()(images))


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet50"])
def test_training_gives_torchvisions_outputs_gradients_and_statistics(name):
    theirs, ours = theirs_and_ours(name, torch.float64)
    images = torch.rand(3, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for model in (theirs, ours):
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        outputs = model.train()(images)
        sum(out.square().sum() for out in ([outputs] if name != "googlenet" else outputs)).backward()
    assert type(outputs).__name__ != "GoogLeNetOutputs" or outputs._fields == (
        "logits",
        "aux_logits2",
        "aux_logits1",
    )
    for (key, our), their in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(
            our.grad, their.grad, rtol=1e-8, atol=1e-10, msg=lambda text, key=key: key + text
        )
    for key, buffer in theirs.named_buffers():
        torch.testing.assert_close(ours.get_buffer(key), buffer)
