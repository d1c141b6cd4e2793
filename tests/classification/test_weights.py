"""State dicts that fit or say where they do not, and published weights with and without a network."""

import hashlib
from urllib.error import URLError

import pytest
import torch
import torchvision
from torchvision.models import get_weight

from cnncourse.classification import cifar_resnet, resnet
from cnncourse.classification.weights import PUBLISHED, load_published, load_state_dict
from cnncourse.files import FileError


@pytest.fixture
def model():
    return cifar_resnet(8)


def unchanged(model, before) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_first_missing_name_is_told_and_nothing_copied(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in before.items()}
    del state["layer1.0.bn1.weight"], state["layer2.0.bn1.weight"]
    with pytest.raises(FileError, match=r"no 'layer1\.0\.bn1\.weight', here of shape \(16,\)"):
        load_state_dict(model, state)
    assert unchanged(model, before)


def test_first_wrong_shape_is_told(model):
    state = cifar_resnet(8, width=2, classes=7).state_dict()
    with pytest.raises(
        FileError, match=r"'conv1\.weight' has shape \(32, 3, 3, 3\) there and \(16, 3, 3, 3\) here"
    ):
        load_state_dict(model, state)


def test_superfluous_name_is_told(model):
    state = cifar_resnet(14).state_dict()
    with pytest.raises(
        FileError, match=r"it has 'layer1\.1\.conv1\.weight', which this network does not have"
    ):
        load_state_dict(model, state)


def test_old_files_without_batch_counters_fit(model):
    state = {
        name: tensor for name, tensor in cifar_resnet(8).state_dict().items() if "num_batches" not in name
    }
    load_state_dict(model, state)
    assert torch.equal(model.fc.weight, state["fc.weight"])


def test_weights_are_converted_to_the_models_dtype(model):
    state = cifar_resnet(8).half().state_dict()
    load_state_dict(model.double(), state)
    assert model.fc.weight.dtype == torch.float64 and torch.equal(
        model.fc.weight, state["fc.weight"].double()
    )


def test_padding_shortcuts_do_not_fit_projections():
    with torch.device("meta"):
        padding, projection = resnet(18, shortcut="padding"), resnet(18)
    with pytest.raises(FileError, match=r"layer2\.0\.downsample\.0\.weight"):
        load_state_dict(padding, projection.state_dict())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_are_those_of_a_network_of_the_same_size(name):
    build, weights = PUBLISHED[name]
    with torch.device("meta"):
        main = sum(p.numel() for key, p in build().named_parameters() if not key.startswith("aux"))
    assert main == get_weight(weights).meta["num_params"]


def save(model, folder, name="resnet18", damage=b""):
    path = folder / "file.pth"
    torch.save(model.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    named = path.rename(folder / f"{name}-{digest}.pth")
    named.write_bytes(named.read_bytes() + damage)
    return named


def test_downloaded_file_is_loaded_and_its_hash_checked(tmp_path):
    theirs = torchvision.models.resnet18().eval()
    ours = load_published("resnet18", save(theirs, tmp_path))
    images = torch.rand(1, 3, 64, 64)
    assert not ours.training
    torch.testing.assert_close(ours(images), theirs(images))
    with pytest.raises(FileError, match="damaged: its SHA-256"):
        load_published("resnet18", save(theirs, tmp_path, damage=b"x"))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileError, match="There is no file"):
        load_published("resnet18", tmp_path / "nothing.pth")
    (tmp_path / "page.pth").write_text("<html>404</html>")
    with pytest.raises(FileError, match="not a readable file"):
        load_published("resnet18", tmp_path / "page.pth")
    with pytest.raises(FileError, match=r"resnet20.*There are for alexnet, googlenet"):
        load_published("resnet20")


def test_without_a_network_the_error_says_what_else_to_do(tmp_path, monkeypatch):
    def no_network(*args, **options):
        raise URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    with pytest.raises(FileError, match="Name or service not known") as error:
        load_published("resnet18")
    for part in ("resnet18-f37072fd.pth", str(tmp_path), "load_published('resnet18', file=...)"):
        assert part in str(error.value)


def test_weights_in_torch_hubs_cache_need_no_network(tmp_path, monkeypatch):
    theirs = torchvision.models.resnet18()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(theirs.state_dict(), folder / "resnet18-f37072fd.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert torch.equal(load_published("resnet18").fc.weight, theirs.fc.weight)
