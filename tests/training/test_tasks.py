"""What differs between tasks: annotated and masked images, a step of training, measures that know right from wrong."""

import numpy as np
import pytest
import torch
from torch import nn

from cnncourse.data import scenes, voc
from cnncourse.data.box_augmentation import flip
from cnncourse.files import FileError
from cnncourse.training import networks, tasks
from cnncourse.training.data import AnnotatedImages, MaskedImages, open_scenes
from cnncourse.training.loop import train
from cnncourse.training.networks import SCENES
from cnncourse.training.recipe import Recipe


# ---------------------------------------------------------------------------------------------------------- detection
@pytest.fixture(scope="module")
def annotated():
    return AnnotatedImages(open_scenes(None, "train", SCENES, 8), flip())


def test_labels_start_behind_the_background(annotated):
    _, target = annotated[0]
    annotation = scenes.compose("train", 0, SCENES).annotation
    assert target["labels"].tolist() == [label + 1 for label in annotation.labels]
    assert target["boxes"].dtype == torch.float32


def test_difficult_objects_are_for_evaluation_only():
    boxes = np.array([[0, 0, 4, 4], [2, 2, 8, 8]], np.float32)
    flags = np.array([False, True])
    annotation = voc.Annotation((8, 8), boxes, np.array([0, 1]), flags, flags, flags)
    data = AnnotatedImages([(np.zeros((8, 8, 3), np.uint8), annotation)])
    sample = data[0]
    assert len(sample[1]["boxes"]) == 2
    _, target = data.augment(sample, torch.Generator())
    assert target["labels"].tolist() == [1]


def test_a_folder_in_vocs_layout_gives_what_the_scenes_give(tmp_path, annotated):
    scenes.write_voc(tmp_path, "train", 8, SCENES)
    folder = AnnotatedImages(open_scenes(tmp_path, "train", SCENES, 5))
    assert len(folder) == 5
    for index in range(5):
        assert torch.equal(folder[index][1]["boxes"], annotated[index][1]["boxes"])
        assert torch.equal(folder[index][1]["labels"], annotated[index][1]["labels"])


def test_scenes_without_a_count_and_an_empty_split_are_refused(tmp_path):
    with pytest.raises(ValueError, match="say how many"):
        open_scenes(None, "train", SCENES)
    voc.write_split(tmp_path, "train", [])
    with pytest.raises(FileError, match=r"'train' .* lists no images"):
        open_scenes(tmp_path, "train", SCENES)


@pytest.mark.parametrize("name", networks.DETECTORS)
def test_a_detector_learns_a_few_scenes_by_heart(name, annotated):
    torch.manual_seed(0)
    model = networks.DETECTORS[name]()
    recipe = Recipe(epochs=10, batch_size=4, lr=1e-3, optimizer="adam")
    history = train(model, annotated, recipe, step=tasks.detection_step)
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]


def test_average_precision_of_a_detector_that_knows_everything_is_100_and_of_one_that_sees_nothing_0(
    annotated,
):
    class Knows(torch.nn.Linear):
        def __init__(self, rows):
            super().__init__(1, 1)
            self.rows = iter(rows)

        def forward(self, images):
            found = [next(self.rows) for _ in images]
            return [{**target, "scores": torch.ones(len(target["boxes"]))} for target in found]

    targets = [annotated[index][1] for index in range(len(annotated))]
    nothing = [{name: rows[:0] for name, rows in target.items()} for target in targets]
    assert tasks.average_precision(Knows(targets), annotated)["map"] == 100
    assert tasks.average_precision(Knows(nothing), annotated)["map"] == 0


# ------------------------------------------------------------------------------------------------------- segmentation
@pytest.fixture(scope="module")
def masked():
    return MaskedImages(open_scenes(None, "train", SCENES, 8, masks=True), flip=True)


class Says(nn.Module):
    """The given masks one after the other, whatever the image."""

    def __init__(self, masks):
        super().__init__()
        self.weight, self.masks = nn.Parameter(torch.zeros(1)), iter(masks)

    def forward(self, images):
        classes = networks.BACKGROUND_TOO
        return nn.functional.one_hot(next(self.masks), classes).movedim(-1, 0)[None].float()


def test_image_and_mask_are_mirrored_together(masked):
    generators = [torch.Generator().manual_seed(seed) for seed in range(20)]
    image, mask = masked[0]
    mirrored = 0
    for generator in generators:
        moved, moved_mask = masked.augment((image, mask), generator)
        assert torch.equal(moved, image) == torch.equal(moved_mask, mask)
        mirrored += torch.equal(moved_mask, mask.flip(-1))
    assert 4 < mirrored < 16


def test_the_truth_measures_100_and_background_everywhere_measures_its_share(masked):
    masks = [masked[index][1].long() for index in range(len(masked))]
    void = [torch.where(mask == 255, 0, mask) for mask in masks]
    assert set(tasks.measures(Says(void), masked).values()) == {100}
    nothing = tasks.measures(Says([torch.zeros_like(mask) for mask in masks]), masked)
    counted = torch.stack(masks)[torch.stack(masks) != 255]
    assert nothing["pixel_accuracy"] == pytest.approx(100 * (counted == 0).float().mean().item(), abs=0.01)


def test_the_ceiling_falls_with_the_stride_and_is_100_at_every_pixel(masked):
    found = [tasks.ceiling(masked, stride)["mean_iu"] for stride in (1, 8, 16, 32)]
    assert found[0] == 100
    assert found == sorted(found, reverse=True)
    assert found[-1] < 80


@pytest.mark.parametrize("only_score", [False, True])
def test_a_network_learns_and_fixed_it_learns_in_its_last_layer_only(masked, only_score):
    torch.manual_seed(0)
    model = networks.fcn(0, only_score=only_score)
    before = {name: value.clone() for name, value in model.named_parameters()}
    recipe = Recipe(epochs=4, batch_size=4, lr=1e-2, optimizer="adam")
    history = train(model, masked, recipe, step=tasks.segmentation_step)
    assert history[-1]["loss"] < history[0]["loss"]
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert all(name.startswith("score.") for name in changed) == only_score


def test_photographs_of_vocs_layout_go_one_at_a_time(tmp_path):
    scenes.write_voc(tmp_path, "train", 3, SCENES)
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True, exist_ok=True)
    images = MaskedImages(open_scenes(tmp_path, "train", SCENES, masks=True))
    assert len(images) == 3
    image, mask = images[1]
    assert np.array_equal(mask.numpy(), scenes.compose("train", 1, SCENES).mask)
    assert image.shape == (3, 96, 96)
