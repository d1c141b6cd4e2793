"""Trained networks look at photographs: pictures, COCO's result format, and files that cannot be read are named."""

import json

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cnncourse.cli import app
from cnncourse.training import networks, predict
from cnncourse.training.checkpoints import save_weights


class FindsOne(torch.nn.Linear):
    """Two cats in every image, one of them certain."""

    def __init__(self):
        super().__init__(1, 1)

    def forward(self, images):
        boxes = torch.tensor([[1.0, 2.0, 11.0, 22.0], [0.0, 0.0, 5.0, 5.0]])
        return [
            {"boxes": boxes, "labels": torch.tensor([6, 6]), "scores": torch.tensor([0.9, 0.2])}
            for _ in images
        ]


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "photographs"
    (inside / "more").mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(inside / "a.png")
    Image.new("RGBA", (30, 40)).save(inside / "more" / "a.png")
    (inside / "broken.jpg").write_bytes(b"no image")
    (inside / "notes.txt").write_text("no image either")
    return inside


def test_pictures_and_cocos_results_are_written_and_what_cannot_be_read_is_named(folder, tmp_path):
    missing = tmp_path / "missing.png"
    outcome = predict.detect_files(FindsOne(), networks.CLASSES, [folder, missing], tmp_path / "out")
    assert [file.name for file in outcome.pictures] == ["a.png", "a-2.png"]
    assert all(Image.open(file).size[0] > 100 for file in outcome.pictures)
    assert [(file.name, why[:15]) for file, why in outcome.skipped] == [
        ("broken.jpg", "not a readable "),
        ("missing.png", "there is no such file"[:15]),
    ]
    assert json.loads((tmp_path / "out" / "results.json").read_text())[0] == {
        "image_id": 1,
        "category_id": 6,
        "bbox": [1.0, 2.0, 10.0, 20.0],
        "score": 0.9,
    }


def test_pycocotools_loads_what_was_written(folder, tmp_path):
    from pycocotools.coco import COCO

    predict.detect_files(FindsOne(), networks.CLASSES, [folder], tmp_path)
    coco = COCO(str(tmp_path / "images.json"))
    results = coco.loadRes(str(tmp_path / "results.json"))
    assert len(results.anns) == 2
    assert coco.loadCats(results.anns[1]["category_id"])[0]["name"] == "cat"


def test_masks_are_written_at_the_photographs_size_and_pycocotools_reads_them(folder, tmp_path):
    from pycocotools.mask import decode

    class LeftHalf(torch.nn.Linear):
        """A cat wherever the image's left half is."""

        def forward(self, images):
            scores = torch.zeros(len(images), 11, *images.shape[2:])
            scores[:, 6, :, : images.shape[3] // 2] = 9
            return scores

    outcome = predict.segment_files(LeftHalf(1, 1), networks.CLASSES, [folder], tmp_path, side=96)
    assert [file.name for file in outcome.pictures] == ["a.png", "a-2.png"]
    assert [file.name for file, _ in outcome.skipped] == ["broken.jpg"]
    rows = json.loads((tmp_path / "results.json").read_text())
    assert [(row["image_id"], row["category_id"]) for row in rows] == [(1, 6), (2, 6)]
    mask = decode(rows[0]["segmentation"])
    assert mask.shape == (30, 40)
    assert mask[:, :18].all() and not mask[:, 22:].any()
    assert 0.9 < rows[0]["score"] <= 1


@pytest.mark.parametrize(("command", "name"), [("detect", "ssd"), ("segment", "fcn8s")])
def test_the_commands_look_at_a_folder_and_name_what_they_skip(command, name, folder, tmp_path):
    run = CliRunner().invoke(app, [command, name, str(folder), "--out", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "broken.jpg: not a readable image" in run.output
    assert (tmp_path / "a.png").exists() and (tmp_path / "a-2.png").exists()
    assert isinstance(json.loads((tmp_path / "results.json").read_text()), list)


def test_a_folder_without_photographs_is_said_to_be_one(tmp_path):
    (tmp_path / "empty").mkdir()
    run = CliRunner().invoke(app, ["segment", "fcn8s", str(tmp_path / "empty"), "--out", str(tmp_path)])
    assert run.exit_code == 1 and "no photograph to look at" in run.output


def test_the_command_names_an_unknown_detector_and_weights_of_another_network(folder, tmp_path):
    run = CliRunner().invoke(app, ["detect", "yolo9", str(folder), "--out", str(tmp_path)])
    assert run.exit_code == 1 and "is none of faster_rcnn, yolo, ssd" in run.output
    save_weights(tmp_path / "w.safetensors", {"one": torch.ones(1)})
    arguments = ["detect", "yolo", str(folder), "--out", str(tmp_path), "--weights"]
    run = CliRunner().invoke(app, [*arguments, str(tmp_path / "w.safetensors")])
    assert run.exit_code == 1 and "another architecture" in run.output
