"""The training loop: repeatable, resumable, the same over several processes, clear about what went wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cnncourse.files import FileError
from cnncourse.training import checkpoints
from cnncourse.training.checkpoints import load_weights, save_weights
from cnncourse.training.loop import TrainingError, classification_step, epoch_loader, evaluate, train
from cnncourse.training.recipe import Recipe

sys.path.insert(0, str(Path(__file__).parent))
from toy_run import RECIPE, Toy, network

pytestmark = pytest.mark.usefixtures("one_thread")
SCRIPT = str(Path(__file__).with_name("toy_run.py"))


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_loop_agrees_with_the_same_steps_written_out():
    model, by_hand = network(dropout=0), network(dropout=0)
    recipe = Recipe(epochs=2, batch_size=16, lr=0.1, momentum=0.9, weight_decay=0.01)
    train(model, Toy(), recipe)
    optimizer = torch.optim.SGD(by_hand.parameters(), 0.1, 0.9, weight_decay=0.01)
    for epoch in range(2):
        for images, labels in epoch_loader(Toy(), recipe, epoch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(by_hand(images), labels).backward()
            optimizer.step()
    assert equal(weights(model), weights(by_hand))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    results = []
    for seed in (0, 0, 1):
        model = network()
        train(model, Toy(), Recipe(epochs=2, batch_size=16, lr=0.05, seed=seed))
        results.append(weights(model))
    assert equal(results[0], results[1])
    assert not equal(results[0], results[2])


def test_every_image_is_seen_once_an_epoch_in_another_order_each_time():
    class Numbers(Toy):
        def __getitem__(self, index):
            return torch.tensor(index), torch.tensor(0)

        def augment(self, sample, generator):
            return sample

    orders = [torch.cat([b[0] for b in epoch_loader(Numbers(), RECIPE, e)]).tolist() for e in (0, 1)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(64))
    assert orders[0] != orders[1]


def test_augmentation_depends_on_the_image_and_the_epoch_not_on_the_number_of_processes():
    def seen(world):
        rows = {}
        for rank in range(world):
            for images, _ in epoch_loader(Toy(), RECIPE, 1, rank, world):
                rows |= {image.sort().values.sum().item(): image for image in images}
        return rows

    one, two = seen(1), seen(2)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_killed_run_resumes_to_the_same_weights(tmp_path):
    killed = subprocess.run([sys.executable, SCRIPT, tmp_path / "killed", "killed"], check=False)
    assert killed.returncode == -9
    assert len(json.loads((tmp_path / "killed/history.json").read_text())) == 2
    resumed, whole = network(), network()
    history = train(resumed, Toy(), RECIPE, folder=tmp_path / "killed")
    assert history == train(whole, Toy(), RECIPE, folder=tmp_path / "whole")
    assert equal(weights(resumed), weights(whole))


def test_two_processes_give_the_result_of_one(tmp_path):
    command = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        SCRIPT,
        tmp_path,
        "distributed",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    model = network(dropout=0)
    history = train(model, Toy(), RECIPE, validation=Toy(50))
    for row, other in zip(history, json.loads((tmp_path / "history.json").read_text()), strict=True):
        assert row == pytest.approx(other, abs=1e-6)
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)["model"]
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, saved[name], rtol=1e-5, atol=1e-6)


def test_the_best_epoch_is_kept_beside_the_last(tmp_path):
    model = network()
    rows = iter([0.5, 0.2, 0.4, 0.3])
    after = []

    def step(model, batch):
        loss, metrics = classification_step(model, batch)
        if model.training:
            return loss, metrics
        after.append(weights(model))
        return loss, {"error": torch.tensor(next(rows))}

    history = train(model, Toy(), RECIPE, step=step, validation=Toy(8), folder=tmp_path)
    assert [round(row["validation_error"], 6) for row in history] == [0.5, 0.2, 0.4, 0.3]
    assert equal(load_file(tmp_path / "best.safetensors"), after[1])


def test_evaluation_weighs_every_image_the_same_and_leaves_the_mode_alone():
    model, data = network(), Toy(50)
    model.train()
    scores = evaluate(model, data, batch_size=16)  # 16 + 16 + 16 + 2
    assert model.training
    model.eval()
    with torch.no_grad():
        outputs = model(data.images)
    assert scores["error"] == pytest.approx((outputs.argmax(1) != data.labels).float().mean().item())
    assert scores["loss"] == pytest.approx(nn.functional.cross_entropy(outputs, data.labels).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [0.4, 0.8, 0.8]), ("steps", [0.4, 0.08, 0.008]), ("cosine", [0.4, 0.4, 0.0])],
)
def test_schedules(schedule, expected):
    recipe = Recipe(epochs=8, lr=0.8, schedule=schedule, warmup=2)
    assert [recipe.lr_at(progress) for progress in (1, 4, 8)] == pytest.approx(expected)


def test_a_loss_that_is_not_finite_stops_and_leaves_the_checkpoint(tmp_path):
    train(network(), Toy(), Recipe(epochs=1, batch_size=16, lr=0.05), folder=tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()

    def step(model, batch):
        loss, metrics = classification_step(model, batch)
        return loss * float("nan"), metrics

    with pytest.raises(TrainingError, match=r"became nan in epoch 0, step 0 .*learning rate"):
        train(network(), Toy(), RECIPE, step=step, folder=tmp_path / "other")
    assert not (tmp_path / "other/last.ckpt").exists()
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_too_few_images_for_a_batch_are_an_error():
    with pytest.raises(TrainingError, match="0 images to train on, fewer than one batch of 16"):
        train(network(), Toy(0), RECIPE)


def test_a_full_disk_is_named_and_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    recipe = Recipe(epochs=1, batch_size=16, lr=0.05)
    train(network(), Toy(), recipe, folder=tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()

    def full(self, path, state):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lightning_fabric.Fabric.save", full)
    (tmp_path / "history.json").unlink()
    with pytest.raises(FileError, match="No space left on device"):
        checkpoints.save_checkpoint(_fabric(), tmp_path, network(), None, recipe, [], best=False)
    assert (tmp_path / "last.ckpt").read_bytes() == before
    assert not list(tmp_path.glob(".*part"))


def _fabric():
    from lightning_fabric import Fabric

    return Fabric(accelerator="cpu", devices=1)


def test_a_checkpoint_of_another_architecture_names_the_first_difference(tmp_path):
    train(network(), Toy(), Recipe(epochs=1, batch_size=16), folder=tmp_path)
    other = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 2))
    with pytest.raises(
        FileError, match=r"another architecture: its 0.weight is \(8, 3, 3, 3\), here it is \(4"
    ):
        train(other, Toy(), Recipe(epochs=1, batch_size=16), folder=tmp_path)


def test_a_checkpoint_of_another_recipe_names_the_setting(tmp_path):
    train(network(), Toy(), Recipe(epochs=1, batch_size=16, lr=0.1), folder=tmp_path)
    with pytest.raises(FileError, match=r"trained with lr=0.1, not 0.2"):
        train(network(), Toy(), Recipe(epochs=1, batch_size=16, lr=0.2), folder=tmp_path)


def test_a_damaged_checkpoint_is_said_to_be_damaged(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(FileError, match="damaged"):
        train(network(), Toy(), RECIPE, folder=tmp_path)


def test_weights_in_half_precision_come_back_into_a_float32_model(tmp_path):
    source, target = network(), nn.Sequential(*network())
    train(source, Toy(), Recipe(epochs=1, batch_size=16))
    save_weights(tmp_path / "w.safetensors", source.state_dict(), torch.float16)
    load_weights(tmp_path / "w.safetensors", target)
    for name, tensor in target.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, source.state_dict()[name], rtol=1e-3, atol=1e-4)
    with pytest.raises(FileError, match="not a readable safetensors"):
        load_weights(tmp_path / "absent.safetensors", target)


def test_auxiliary_heads_add_three_tenths_of_their_losses_A9():
    class TwoHeads(nn.Module):
        def forward(self, images):
            return (images, 2 * images, -images) if self.training else images

    images, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 3, 0, 1])
    loss, metrics = classification_step(TwoHeads(), (images, labels))
    main, double, turned = (
        nn.functional.cross_entropy(scores, labels) for scores in (images, 2 * images, -images)
    )
    assert torch.allclose(loss, main + 0.3 * (double + turned))
    alone, same = classification_step(TwoHeads().eval(), (images, labels))
    assert torch.equal(alone, main) and torch.equal(metrics["error"], same["error"])
