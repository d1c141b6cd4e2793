"""Images to train on by path, and the command that trains on them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cnncourse.cli import app
from cnncourse.files import FileError
from cnncourse.training.data import LabelledImages, image_folder, open_images


@pytest.fixture
def folder(tmp_path):
    """An ImageNet-like folder: red things and blue things, of several sizes and formats."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 12), ("val", 4)):
        for channel, name in ((0, "red"), (2, "blue")):
            (tmp_path / split / name).mkdir(parents=True)
            for i in range(count):
                picture = generator.integers(0, 60, (20 + i, 30, 3), dtype=np.uint8)
                picture[..., channel] += 180
                ending = ("png", "jpg", "bmp")[i % 3]
                Image.fromarray(picture).save(tmp_path / split / name / f"{i:03d}.{ending}")
    return tmp_path


def test_a_folder_of_classes_is_read_as_centre_squares(folder):
    images, labels, classes = image_folder(folder / "train", 16)
    assert classes == ("blue", "red")
    assert len(images) == 24
    assert images[0].shape == (16, 16, 3)
    assert [int(np.argmax(images[i].mean((0, 1)))) for i in (0, 23)] == [2, 0]
    assert labels.tolist() == [0] * 12 + [1] * 12


def test_the_middle_of_a_wide_picture_is_kept(tmp_path):
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[:, 10:20] = 255
    (tmp_path / "one").mkdir()
    Image.fromarray(picture).save(tmp_path / "one/wide.png")
    assert (image_folder(tmp_path, 10)[0][0] == 255).all()


def test_batches_are_scaled_and_normalised():
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[1] = 255
    data = LabelledImages(images, [0, 1], mean=(0.5, 0.5, 0.25), std=(0.5, 0.25, 0.25))
    batch, labels = data.collate([data[0], data[1]])
    assert batch.dtype == torch.float32
    assert batch[:, :, 0, 0].tolist() == [[-1, -2, -1], [1, 2, 3]]
    assert labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda root: None, "nowhere has no folders, one for each class"),
        (lambda root: (root / "nowhere/empty").mkdir(parents=True), "empty holds no images"),
    ],
)
def test_an_empty_folder_is_named(tmp_path, spoil, message):
    spoil(tmp_path)
    with pytest.raises(FileError, match=message):
        image_folder(tmp_path / "nowhere", 16)


def test_a_file_that_is_no_image_is_named(folder):
    (folder / "train/red/003.png").write_bytes(b"no picture")
    images, _, _ = image_folder(folder / "train", 16)
    with pytest.raises(FileError, match=r"red/003\.png is not a readable image"):
        images[15]


def test_images_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match="3 images but 2 labels"):
        LabelledImages(np.zeros((3, 4, 4, 3), np.uint8), [0, 1])


def test_the_command_trains_on_a_folder_and_goes_on_from_what_is_there(folder, tmp_path):
    out = tmp_path / "out"
    line = [
        "train",
        "cifar_resnet20",
        "--data",
        str(folder),
        "--out",
        str(out),
        "--side",
        "16",
        "--width",
        "0.25",
    ]
    line += ["--epochs", "3", "--batch-size", "8", "--accelerator", "cpu"]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    found = json.loads((out / "result.json").read_text())
    assert found["network"]["classes"] == ["blue", "red"]
    assert len(json.loads((out / "history.json").read_text())) == 3
    before = (out / "last.ckpt").read_bytes()
    assert CliRunner().invoke(app, line).exit_code == 0
    assert (out / "last.ckpt").read_bytes() == before


def test_the_command_says_in_one_line_what_is_wrong(folder, tmp_path):
    line = ["--data", str(folder), "--out", str(tmp_path / "out"), "--accelerator", "cpu"]
    result = CliRunner().invoke(app, ["train", "resnet19", *line])
    assert result.exit_code == 1
    assert "network 'resnet19'" in result.output
    result = CliRunner().invoke(app, ["train", "cifar_resnet20", *line, "--batch-size", "100"])
    assert result.exit_code == 1
    assert "24 images to train on, fewer than one batch of 100" in result.output
    result = CliRunner().invoke(
        app, ["train", "cifar_resnet20", "--out", "x", "--data", str(tmp_path / "no")]
    )
    assert "has no folders" in result.output


def test_the_embedded_set_and_cifar_10_have_one_reader(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("cnncourse.data.cifar10.load", lambda *args: seen.append(args) or ([], []))
    (tmp_path / "cifar-10-batches-bin").mkdir()
    (tmp_path / "cifar-10-batches-bin/data_batch_1.bin").touch()
    open_images(None, "train", count=5)
    open_images(tmp_path, "test")
    assert seen == [("train", 5, None), ("test", None, tmp_path)]
