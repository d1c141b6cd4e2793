"""Weights from elsewhere: state dicts that must fit, and the weights that torchvision publishes."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn

from cnncourse.classification.alexnet import alexnet
from cnncourse.classification.googlenet import googlenet
from cnncourse.classification.resnet import resnet
from cnncourse.classification.vgg import vgg
from cnncourse.files import FileError

# name: (what builds it with torchvision's layers, torchvision's name of the weights)
PUBLISHED = {
    "alexnet": (lambda: alexnet("torchvision"), "AlexNet_Weights.IMAGENET1K_V1"),
    "googlenet": (
        lambda: googlenet("torchvision", aux=True, dropout=0.2, rescale_input=True),
        "GoogLeNet_Weights.IMAGENET1K_V1",
    ),
}
for _depth in (11, 13, 16, 19):
    PUBLISHED[f"vgg{_depth}"] = (lambda depth=_depth: vgg(depth), f"VGG{_depth}_Weights.IMAGENET1K_V1")
    PUBLISHED[f"vgg{_depth}_bn"] = (
        lambda depth=_depth: vgg(depth, batch_norm=True),
        f"VGG{_depth}_BN_Weights.IMAGENET1K_V1",
    )
for _depth in (18, 34, 50, 101, 152):
    PUBLISHED[f"resnet{_depth}"] = (
        lambda depth=_depth: resnet(depth, "torchvision"),
        f"ResNet{_depth}_Weights.IMAGENET1K_V1",
    )


def load_state_dict(model: nn.Module, state: Mapping[str, Tensor], source: str = "The state dict") -> None:
    """Copy ``state`` into ``model``, converted to the model's dtype and device.

    Args:
        state: tensors by name, each of the shape that the model's has.
        source: what the message calls it.

    Raises:
        FileError: names or shapes differ; it names the first tensor, in the model's order, that does not fit,
            and nothing has been copied.
    """
    own = model.state_dict()
    for name, tensor in own.items():
        # Counters of batches are missing from old files, and nothing depends on them.
        if name not in state and not name.endswith("num_batches_tracked"):
            raise FileError(
                f"{source} does not fit: it has no {name!r}, here of shape {tuple(tensor.shape)}. "
                f"It begins with {', '.join(map(repr, list(state)[:3]))}."
            )
        if name in state and state[name].shape != tensor.shape:
            raise FileError(
                f"{source} does not fit: {name!r} has shape {tuple(state[name].shape)} there and "
                f"{tuple(tensor.shape)} here. Are variant, width and number of classes the same?"
            )
    for name in state:
        if name not in own:
            raise FileError(f"{source} does not fit: it has {name!r}, which this network does not have.")
    model.load_state_dict(state, strict=False)


def load_published(name: str, file: str | os.PathLike | None = None) -> nn.Module:
    """The network ``name`` with the ImageNet weights that torchvision publishes, in evaluation mode.

    The weights are fetched once, checked against the hash in their name, and kept where ``torch.hub`` keeps such
    files. Images: shorter side 256, crop of 224, values in [0, 1] normalised by ImageNet's mean and deviation:
    `cnncourse.data.preprocessing.published_input`.

    Args:
        name: "alexnet", "vgg11" to "vgg19", "vgg11_bn" to "vgg19_bn", "googlenet", "resnet18" to "resnet152".
        file: weights that were downloaded before, instead of the network.

    Raises:
        FileError: there is no such network or file, no connection, or the file is damaged or of another network.
    """
    if name not in PUBLISHED:
        raise FileError(f"There are no published weights for {name!r}. There are for {', '.join(PUBLISHED)}.")
    build, weights = PUBLISHED[name]
    state = _fetch(name, weights) if file is None else _read(Path(file))
    model = build()
    load_state_dict(model, state, f"{file or weights}")
    return model.eval()


def _fetch(name: str, weights: str) -> Mapping[str, Tensor]:
    from torchvision.models import get_weight

    url = get_weight(weights).url
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        return torch.hub.load_state_dict_from_url(url, map_location="cpu", check_hash=True, weights_only=True)
    except (URLError, OSError) as error:
        raise FileError(
            f"The weights of {name} could not be fetched from {url}: {error}. Without a network: download that "
            f"file elsewhere and put it into {folder}, or give its path, load_published({name!r}, file=...)."
        ) from error
    except RuntimeError as error:  # torch.hub's word for a wrong hash
        raise FileError(f"The weights of {name} from {url} are damaged: {error}. Try again.") from error


def _read(file: Path) -> Mapping[str, Tensor]:
    """A downloaded file; if its name carries a hash, as torchvision's do, that is checked."""
    if not file.is_file():
        raise FileError(f"There is no file {file}. Download the weights and give the path of that file.")
    named = re.search(r"-([0-9a-f]{8,})\.pth$", file.name)
    if named and not _sha256(file).startswith(named[1]):
        raise FileError(f"{file} is damaged: its SHA-256 does not begin with {named[1]}. Download it again.")
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in many ways inside torch
        raise FileError(f"{file} is not a readable file of PyTorch weights: {error}") from error


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
