"""Embedded scenes: exact boxes and masks, splits that keep apart what they say, VOC's layout."""

import hashlib

import numpy as np
import pytest
from typer.testing import CliRunner

from cnncourse.cli import app
from cnncourse.data import scenes, voc
from cnncourse.data.scenes import Settings
from cnncourse.files import FileError

SOME = Settings(side=64, classes=("car", "person", "dog"), objects=(2, 5), sizes=(40, 200))


@pytest.fixture(scope="module")
def examples():
    return [scenes.compose("train", index, SOME) for index in range(60)]


def test_a_scene_depends_on_split_index_and_settings_alone(examples):
    again = scenes.compose("train", 7, SOME)
    np.testing.assert_array_equal(again.image, examples[7].image)
    assert not np.array_equal(scenes.compose("test", 7, SOME).image, again.image)
    assert not np.array_equal(scenes.compose("train", 8, SOME).image, again.image)


def test_the_bytes_are_the_same_everywhere():
    parts = [scenes.compose(split, i) for split in scenes.SPLITS for i in range(5)]
    content = b"".join(s.image.tobytes() + s.mask.tobytes() + s.annotation.boxes.tobytes() for s in parts)
    assert hashlib.sha256(content).hexdigest()[:16] == "3c9c1d259ba01b72"


def test_boxes_are_tight_around_what_is_visible(examples):
    for scene in examples:
        for number, box in enumerate(scene.annotation.boxes, 1):
            ys, xs = np.nonzero(scene.instances == number)
            assert box.tolist() == [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def test_masks_agree_with_instances_but_for_the_border(examples):
    for scene in examples:
        inside = scene.mask != voc.VOID
        expected = np.concatenate([[0], scene.annotation.labels + 1])[scene.instances]
        np.testing.assert_array_equal(scene.mask[inside], expected[inside])
        assert 0 < (~inside).mean() < 0.4


def test_the_border_is_void_between_any_two_things(examples):
    for scene in examples:
        for a, b in (
            (scene.instances[:, :-1], scene.instances[:, 1:]),
            (scene.instances[:-1], scene.instances[1:]),
        ):
            void = scene.mask[:, :-1] if a.shape[1] < scene.mask.shape[1] else scene.mask[:-1]
            assert (void[a != b] == voc.VOID).all()


def test_where_no_object_is_the_background_shows(examples):
    """Marking an object and following it: change one drawing's colour, and only its pixels change."""
    drawings = scenes.atlas.drawing
    plain = scenes.compose("train", 3, SOME)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            scenes.atlas,
            "drawing",
            lambda code, style: (drawings(code, style) // [2, 2, 2, 1]).astype(np.uint8),
        )
        darker = scenes.compose("train", 3, SOME)
    changed = (plain.image != darker.image).any(2)
    assert changed[plain.instances > 0].mean() > 0.9
    # Outside lie only the half-covered pixels of the outlines.
    assert changed[plain.instances == 0].mean() < 0.15


def test_flags_say_what_happened(examples):
    flags = [scene.annotation for scene in examples]
    truncated = np.concatenate([one.truncated for one in flags])
    boxes = np.concatenate([one.boxes for one in flags])
    touching = (boxes[:, :2] == 0).any(1) | (boxes[:, 2:] == SOME.side).any(1)
    assert truncated.any()
    occluded = np.concatenate([one.occluded for one in flags])
    assert touching[
        truncated & ~occluded
    ].all()  # what is cut off reaches the border, if nothing covers it there
    for scene in examples:
        overlapped = scene.annotation.occluded
        assert not overlapped[-1:].any()  # nothing lies in front of the last one
    assert any(scene.annotation.occluded.any() for scene in examples)
    assert any(scene.annotation.difficult.any() for scene in examples)


def test_splits_show_other_drawings_and_other_photographs():
    for name in voc.CLASSES:
        seen, unseen = (set(scenes.drawings_of(split, name)) for split in ("train", "unseen_drawings"))
        assert seen, name
        assert not seen & unseen
        assert seen == set(scenes.drawings_of("test", name)) == set(scenes.drawings_of("unseen_style", name))
    photographs = scenes.atlas.photographs
    assert not set(photographs("train")) & set(photographs("test"))


def test_counts_and_sizes_stay_within_the_settings(examples):
    for scene in examples:
        assert scene.image.shape == (64, 64, 3)
        assert len(scene.annotation.boxes) <= 5
        assert (scene.annotation.boxes[:, 2:] - scene.annotation.boxes[:, :2]).max() <= 64
        assert set(scene.annotation.labels.tolist()) <= {0, 1, 2}
    empty = scenes.compose("train", 0, Settings(objects=(0, 0)))
    assert empty.annotation.boxes.shape == (0, 4)
    assert not empty.mask.any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": ("car", "unicorn")}, "No class is called unicorn"),
        ({"objects": (3, 1)}, r"objects=\(3, 1\)"),
        ({"sizes": (0, 10)}, r"sizes=\(0, 10\)"),
    ],
)
def test_settings_that_make_no_sense_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Settings(**settings)


def test_unknown_splits_and_classes_without_drawings_are_named():
    with pytest.raises(ValueError, match="splits are train, test"):
        scenes.compose("validation", 0)
    with pytest.raises(ValueError, match="None of sofa has a drawing for unseen_drawings"):
        scenes.compose("unseen_drawings", 0, Settings(classes=("sofa",), objects=(1, 1)))


def test_several_processes_compose_what_one_does():
    one = scenes.compose_many("test", 120, SOME, jobs=1)
    two = scenes.compose_many("test", 120, SOME, jobs=2)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(one, two, strict=True))


def test_written_scenes_are_read_back(tmp_path):
    scenes.write_voc(tmp_path / "VOC", "test", 12, SOME)
    data = voc.VOC(tmp_path / "VOC", "test", classes=SOME.classes, masks=True)
    assert len(data) == 12
    for index, (image, annotation, mask) in enumerate(data):
        scene = scenes.compose("test", index, SOME)
        np.testing.assert_array_equal(mask, scene.mask)
        np.testing.assert_array_equal(annotation.boxes, scene.annotation.boxes)
        np.testing.assert_array_equal(annotation.labels, scene.annotation.labels)
        for flag in voc.FLAGS:
            np.testing.assert_array_equal(getattr(annotation, flag), getattr(scene.annotation, flag))
        assert np.abs(image.astype(int) - scene.image).mean() < 3  # JPEG


def test_an_interrupted_writing_leaves_no_list(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(voc, "write_image", full)
    with pytest.raises(OSError, match="No space left"):
        scenes.write_voc(tmp_path / "VOC", "test", 3, SOME)
    with pytest.raises(FileError, match="is not there"):
        voc.VOC(tmp_path / "VOC", "test")


def test_the_command_writes_what_the_reader_reads(tmp_path):
    line = ["data", "scenes", str(tmp_path / "VOC"), "--split", "test", "--count", "3", "--side", "32"]
    result = CliRunner().invoke(app, line)
    assert result.exit_code == 0, result.output
    image, annotation = voc.VOC(tmp_path / "VOC", "test")[2]
    assert image.shape == (32, 32, 3)
    assert 1 <= len(annotation.boxes) <= 3
    assert CliRunner().invoke(app, [*line[:3], "--split", "validation"]).exit_code == 2
